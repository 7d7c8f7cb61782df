"""Takes what looks like a secret out of arguments, before they leave the node: pure.

Best effort, and on the careful side: a password that is nothing but a word cannot be known for one
unless its option says so. What is replaced is replaced by `[redacted]`; the event says that it was
(`args_redacted`), and a policy's `allowedArgs` then decides `unknown` instead of guessing.

The cost is bounded whatever the arguments are: every pattern begins with a literal and its repetitions
have limits, so no input makes one backtrack for long.
"""

from __future__ import annotations

import re
from typing import Literal

ArgsMode = Literal["full", "redacted", "none"]
"""What becomes of arguments: published as they are, without secrets, or not at all."""

REDACTED = "[redacted]"

_WORDS = (
    r"passw(?:or)?d|passphrase|passwort|pwd|secret|token(?!iz)|credential|bearer|cookie|jwt"
    r"|(?:api|access|private|secret|auth|encryption|signing|account|shared|client|master)[-_.]?key"
)
_NAMES_A_SECRET = re.compile(rf"(?:{_WORDS})|(?:^|[-_.])pass(?:in|out)?(?:$|[-_.])", re.IGNORECASE)
_WHERE_IT_IS = (
    *(
        "file",
        "files",
        "path",
        "paths",
        "dir",
        "folder",
        "stdin",
        "fd",
        "name",
        "id",
        "ttl",
        "length",
        "size",
    ),
    *("type", "url", "uri", "endpoint", "env", "count"),
)
"""A name that ends so says where a secret is, or what kind of one, and is none itself."""

_NAMES_WHERE_IT_IS = re.compile(rf"(?:{'|'.join(_WHERE_IT_IS)})$", re.IGNORECASE)
_OPTION = re.compile(r"--?[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*(?:=.*)?", re.IGNORECASE | re.DOTALL)
_ASSIGNMENT = re.compile(r"(--?|/)?([A-Za-z_][\w.-]{0,99})([=:]\s{0,4})(.+)", re.DOTALL)

_SHORT_OPTIONS: dict[str, frozenset[str]] = {
    program: frozenset(options.split())
    for programs, options in (
        ("mysql mysqldump mysqladmin mysqlimport mysqlshow mariadb mariadb-dump mariadb-admin", "-p"),
        ("mongo mongosh mongodump mongorestore mongoexport mongoimport", "-p"),
        ("docker podman buildah skopeo crane helm nerdctl oras az cf", "-p"),
        ("sshpass useradd usermod rdesktop ncftp 7z 7za 7zr", "-p"),
        ("zip unzip sqlcmd bcp mosquitto_pub mosquitto_sub", "-P"),
        ("ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami", "-w"),
        ("redis-cli valkey-cli", "-a"),
        ("curl", "-u --user -U --proxy-user -b --oauth2-bearer"),
        ("smbclient rpcclient smbget net", "-U --user"),
        ("lftp", "-u --user"),
        ("snmpwalk snmpget snmpset snmpbulkwalk", "-c -A -X"),
        ("htpasswd", "-b -nb -bn"),
    )
    for program in programs.split()
}
"""Options that carry a secret in these programs only: elsewhere `-p` is a port or a parent folder."""

_ATTACHED = frozenset({"-p", "-P", "-u", "-U", "-a", "-w", "-b"})
"""Short options whose value may follow without a blank (`-phunter2`)."""

_VALUE = r"""(?:"[^"]*"?|'[^']*'?|[^\s&;|<>"',)}]+)"""
_HEADERS = "authorization|x-[a-z-]{0,32}(?:key|token|secret)|private-token|cookie"
_NAME = rf"(?:{_WORDS})[\w.-]{{0,40}}+" + "".join(f"(?<!{end})" for end in _WHERE_IT_IS)
_TEXT = re.compile(
    "|".join(
        (
            # scheme://user:password@host
            r"(?P<url>://[^\s:/@?#]{0,256}:)[^\s/@?#]{1,1024}(?=@)",
            # name=value, "name": "value", --name value, inside a longer text
            rf"(?P<name>{_NAME}[\"']?\s{{0,4}}[=:]\s{{0,4}}){_VALUE}",
            rf"(?P<option>--{_NAME}\s{{1,4}}){_VALUE}",
            # headers
            rf"(?P<header>(?:{_HEADERS}):\s{{0,4}})[^\r\n\"']+",
            r"(?P<scheme>\b(?:bearer|basic)\s{1,4})[\w.~+/=-]{8,}",
            # secrets that show by themselves
            r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]{0,48}-----|\Z)",
            r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
            r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
            r"\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}",
            r"\bxox[abeoprs]-[\w-]{10,}",
            r"\bAIza[\w-]{35}",
            r"\b[sr]k_(?:live|test)_\w{16,}|\bsk-[\w-]{20,}|\bnpm_\w{30,}|\bpypi-[\w-]{30,}|\bhv[sb]\.[\w-]{20,}",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)
_PREFIXES = ("url", "name", "option", "header", "scheme")

_SIGNS = (
    *("pass", "pwd", "secret", "token", "credential", "bearer", "basic", "cookie", "jwt", "key"),
    *("authorization", "://", "eyj", "akia", "asia", "abia", "acca", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "aiza", "k_live_", "k_test_", "sk-", "npm_", "pypi-", "hvs.", "hvb."),
)
"""Every name and text that is replaced holds one of these in lower case: most execs are spared the search."""


def publishable(args: tuple[str, ...], mode: ArgsMode) -> tuple[tuple[str, ...], bool]:
    """The arguments as they may leave the node, and whether anything was taken out."""
    if mode == "full":
        return args, False
    if mode == "none":
        return (), bool(args)
    return redact(args)


def redact(args: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The arguments (argv[0] first) without what looks like a secret, and whether anything was."""
    if not args:
        return args, False
    options = _SHORT_OPTIONS.get(args[0].rpartition("/")[2], frozenset())
    if not options and not _is_suspicious("\n".join(args)):
        return args, False
    published: list[str] = []
    before = ""
    for argument in args:
        if before and _announces(before, options) and not _is_option(argument):
            published.append(REDACTED)
            before = ""
            continue
        # After -c stands a program: what is no secret in it is worth keeping.
        whole = None if before == "-c" else _assigned(argument)
        published.append(_attached(argument, options) or whole or _inside(argument))
        before = argument if published[1:] else ""
    redacted = tuple(published)
    return (redacted, True) if redacted != args else (args, False)


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and _OPTION.fullmatch(argument) is not None


def _announces(argument: str, options: frozenset[str]) -> bool:
    """Whether the next argument is this one's value, and a secret."""
    if argument in options:
        return True
    if not argument.startswith("-") or not 2 < len(argument) < 100 or "=" in argument:
        return False
    return _is_secret_name(argument.lstrip("-"))


def _is_secret_name(name: str) -> bool:
    return _NAMES_A_SECRET.search(name) is not None and _NAMES_WHERE_IT_IS.search(name) is None


def _attached(argument: str, options: frozenset[str]) -> str | None:
    if not options or len(argument) <= 2 or argument.startswith("--"):
        return None
    option = argument[:2]
    return option + REDACTED if option in options and option in _ATTACHED else None


def _assigned(argument: str) -> str | None:
    """`--password=…`, `PASSWORD=…`, `/password:…`: the whole rest, blanks included."""
    match = _ASSIGNMENT.fullmatch(argument)
    if match is None or not _is_secret_name(match[2]):
        return None
    return f"{match[1] or ''}{match[2]}{match[3]}{REDACTED}"


def _inside(argument: str) -> str:
    return _TEXT.sub(_without_secret, argument) if _is_suspicious(argument) else argument


def _is_suspicious(text: str) -> bool:
    lowered = text.lower()
    for sign in _SIGNS:  # noqa: SIM110  a generator takes three times as long, for every exec
        if sign in lowered:
            return True
    return False


def _without_secret(match: re.Match[str]) -> str:
    kind = match.lastgroup
    return f"{match[kind]}{REDACTED}" if kind in _PREFIXES else REDACTED
