from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.redaction import REDACTED, publishable, redact

KEEP = [
    ("ls", "-la", "/etc/passwd"),
    ("mkdir", "-p", "/a/b"),
    ("ssh", "-p", "22", "host"),
    ("nmap", "-p", "80,443", "host"),
    ("kubectl", "get", "secret", "db"),
    ("app", "--password-file", "/run/secrets/db"),
    ("app", "--token-file=/run/token"),
    ("docker", "login", "--password-stdin", "registry"),
    ("app", "--tokenizer=bert"),
    ("app", "--secret-name", "db"),
    ("python3", "-m", "http.server", "8000"),
    ("env", "PATH=/bin:/usr/bin", "HOME=/root"),
    ("sh", "-c", "ping -c 1 127.0.0.1; echo done"),
    ("curl", "https://example.org/path?page=2"),
    ("git", "clone", "git@github.com:user/repo.git"),
    ("rsync", "user@host:/path", "."),
    ("app", "--password", "--verbose"),
    ("passwd", "root"),
    ("/usr/bin/pass", "show"),
    (),
]


@pytest.mark.parametrize("args", KEEP)
def test_what_is_no_secret_is_kept(args: tuple[str, ...]) -> None:
    assert redact(args)[0] == args
    assert redact(args) == (args, False)


R = REDACTED
REPLACE = [
    (("app", "--password", "hunter2"), ("app", "--password", R)),
    (("app", "--password=hunter2 too"), ("app", f"--password={R}")),
    (("app", "-password", "hunter2"), ("app", "-password", R)),
    (("app", "--db-passwd=x"), ("app", f"--db-passwd={R}")),
    (("app", "--api-key", "k"), ("app", "--api-key", R)),
    (("app", "--apiKey=k"), ("app", f"--apiKey={R}")),
    (("app", "--client_secret", "s"), ("app", "--client_secret", R)),
    (("app", "--token", "-starts-with-dash-"), ("app", "--token", R)),
    (("app", "--password", "--token", "t"), ("app", "--password", "--token", R)),
    (("env", "DB_PASSWORD=a b", "run"), ("env", f"DB_PASSWORD={R}", "run")),
    (("env", "AWS_SECRET_ACCESS_KEY=abc"), ("env", f"AWS_SECRET_ACCESS_KEY={R}")),
    (("env", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"), ("env", f"AWS_ACCESS_KEY_ID={R}")),
    (("xfreerdp", "/password:hunter2"), ("xfreerdp", f"/password:{R}")),
    (("mysql", "-phunter2", "db"), ("mysql", f"-p{R}", "db")),
    (("/usr/bin/mysql", "-p", "hunter2"), ("/usr/bin/mysql", "-p", R)),
    (("sshpass", "-p", "hunter2", "ssh", "h"), ("sshpass", "-p", R, "ssh", "h")),
    (("redis-cli", "-a", "hunter2"), ("redis-cli", "-a", R)),
    (("curl", "-u", "me:hunter2", "h"), ("curl", "-u", R, "h")),
    (("curl", "-ume:hunter2", "h"), ("curl", f"-u{R}", "h")),
    (("openssl", "rsa", "-passin", "pass:hunter2"), ("openssl", "rsa", "-passin", R)),
    (("curl", "https://me:hunter2@h/p"), ("curl", f"https://me:{R}@h/p")),
    (("psql", "postgresql://u:hunter2@db:5432/x"), ("psql", f"postgresql://u:{R}@db:5432/x")),
    (("redis-cli", "redis://:hunter2@h"), ("redis-cli", f"redis://:{R}@h")),
    (("curl", "https://h/p?access_token=abc&page=2"), ("curl", f"https://h/p?access_token={R}&page=2")),
    (("curl", "-H", "Authorization: Bearer abc.def"), ("curl", "-H", f"Authorization: {R}")),
    (("curl", "-H", "X-Api-Key: abc"), ("curl", "-H", f"X-Api-Key: {R}")),
    (("curl", "-H", "PRIVATE-TOKEN: abc"), ("curl", "-H", f"PRIVATE-TOKEN: {R}")),
    (("curl", "-d", '{"user":"a","password":"b c"}'), ("curl", "-d", f'{{"user":"a","password":{R}}}')),
    (("x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"), ("x", R)),
    (("x", "ghp_" + "a" * 36), ("x", R)),
    (("x", "xoxb-1234567890-abcdefghij"), ("x", R)),
    (("x", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"), ("x", R)),
    (("x", "-----BEGIN PRIVATE KEY-----\ncut off here"), ("x", R)),
    (
        ("sh", "-c", "PGPASSWORD=hunter2 psql -h db; mysql --password hunter2; id"),
        ("sh", "-c", f"PGPASSWORD={R} psql -h db; mysql --password {R}; id"),
    ),
    (("sh", "-c", "curl -H 'Authorization: Basic YTpi' h"), ("sh", "-c", f"curl -H 'Authorization: {R}' h")),
]


@pytest.mark.parametrize(("args", "expected"), REPLACE)
def test_secrets_are_replaced(args: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert redact(args) == (expected, True)


@pytest.mark.parametrize("args", [args for args, _ in REPLACE] + KEEP)
def test_redacting_twice_changes_nothing_more(args: tuple[str, ...]) -> None:
    once = redact(args)[0]
    assert redact(once)[0] == once


def test_modes() -> None:
    args = ("app", "--password=x")
    assert publishable(args, "full") == (args, False)
    assert publishable(args, "none") == ((), True)
    assert publishable((), "none") == ((), False)
    assert publishable(args, "redacted") == (("app", f"--password={R}"), True)


@given(st.lists(st.text(max_size=200), max_size=8).map(tuple))
def test_any_text_keeps_its_shape(args: tuple[str, ...]) -> None:
    redacted, changed = redact(args)
    assert len(redacted) == len(args)
    assert changed == (redacted != args)
    assert redacted[:1] == args[:1] or R in redacted[0]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "pass",
        "password ",
        'password="',
        "://a:",
        "://",
        "eyJa.",
        "x-",
        "token-",
        "-----BEGIN ",
        "secret=",
        "\\",
    ],
)
def test_no_text_makes_it_backtrack_for_long(unit: str) -> None:
    # Quadratic work on a megabyte would take hours, linear work takes a second.
    redact(("sh", "-c", unit * (1_000_000 // len(unit))))
