"""Which well-known paths are symbolic links on the images that people use, and what they lead to.

The kernel reports resolved paths, so a rule on a link never matches what the link leads to. Facts are
those of the distributions: Debian 10 and Ubuntu 20.04 and later, and Fedora, link /bin, /sbin and /lib to
their namesakes in /usr; on Alpine most programs are links to /bin/busybox; names such as awk are links
that Debian's update-alternatives keeps.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Layout(StrEnum):
    """What kind of image policies are written for."""

    MERGED_USR = "merged-usr"
    """/bin, /sbin and /lib are links to /usr/bin and so on: Debian, Ubuntu, Fedora and their kin."""
    SPLIT_USR = "split-usr"
    """/bin and /usr/bin are folders of their own: Debian before 10, Ubuntu before 20.04."""
    ALPINE = "alpine"
    """As split-usr, and most programs are links to /bin/busybox."""
    UNKNOWN = "unknown"
    """Any of these: whatever is a link on some of them is worth a warning."""


class Link(NamedTuple):
    """Why a path is not what the kernel reports, and what it may report."""

    why: str
    """Such as `/bin is a link to /usr/bin`, with the images where that holds unless they were given."""
    instead: tuple[str, ...]
    """What to write: paths, or globs where the rest depends on a version."""
    advice: str
    """`instead` in words."""
    certain: bool
    """Whether it is so on every image of the layout that was given."""
    of_file: bool
    """Whether the path itself is the link, and not a folder on its way."""


_MERGED = tuple((f"/{name}", f"/usr/{name}") for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"))
_EVERYWHERE = (("/var/run", "/run"), ("/var/lock", "/run/lock"))
_OF_A_PROCESS = (
    ("/proc/self", "/proc/*"),
    ("/proc/thread-self", "/proc/*/task/*"),
    ("/proc/mounts", "/proc/*/mounts"),
    ("/proc/net", "/proc/*/net"),
    ("/dev/fd", "/proc/*/fd"),
    ("/etc/mtab", "/proc/*/mounts"),
)
"""Links that lead into the folder of whichever process follows them."""
_FILES = {"/etc/os-release": "/usr/lib/os-release", "/etc/localtime": "/usr/share/zoneinfo/**"}

_SHELLS = {
    Layout.MERGED_USR: ("/usr/bin/dash", "/usr/bin/bash"),
    Layout.SPLIT_USR: ("/bin/dash", "/bin/bash"),
    Layout.ALPINE: ("/bin/busybox",),
    Layout.UNKNOWN: ("/usr/bin/dash", "/usr/bin/bash", "/bin/busybox"),
}
_FOUND_ON = {"dash": "Debian, Ubuntu", "bash": "Fedora, RHEL", "busybox": "Alpine"}

_PROGRAMS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("awk", "nawk"): ("/usr/bin/mawk", "/usr/bin/gawk"),
    ("vi", "vim", "view", "ex"): ("/usr/bin/vim.basic", "/usr/bin/vim.tiny"),
    ("editor",): ("/usr/bin/nano", "/usr/bin/vim.basic"),
    ("pager",): ("/usr/bin/less",),
    ("nc", "netcat"): ("/usr/bin/nc.openbsd", "/usr/bin/nc.traditional"),
    ("telnet",): ("/usr/bin/telnet.netkit", "/usr/bin/inetutils-telnet"),
    ("traceroute",): ("/usr/bin/traceroute.db",),
    ("which",): ("/usr/bin/which.debianutils",),
    ("python", "python3"): ("/usr/bin/python3.*",),
    ("java",): ("/usr/lib/jvm/*/bin/java",),
    ("javac",): ("/usr/lib/jvm/*/bin/javac",),
    ("php",): ("/usr/bin/php[0-9]*",),
    ("ruby",): ("/usr/bin/ruby[0-9]*",),
    ("lua",): ("/usr/bin/lua[0-9]*",),
    ("tclsh",): ("/usr/bin/tclsh[0-9]*",),
    ("nodejs",): ("/usr/bin/node",),
    ("gcc", "cc"): ("/usr/bin/*-linux-gnu-gcc-*",),
    ("g++", "c++"): ("/usr/bin/*-linux-gnu-g++-*",),
    ("ld",): ("/usr/bin/*-linux-gnu-ld.bfd",),
    ("iptables", "iptables-save", "iptables-restore", "ip6tables"): (
        "/usr/sbin/xtables-nft-multi",
        "/usr/sbin/xtables-legacy-multi",
    ),
    ("modprobe", "insmod", "rmmod", "lsmod", "depmod", "modinfo"): ("/usr/bin/kmod",),
    ("reboot", "poweroff", "halt", "shutdown", "telinit"): ("/usr/bin/systemctl",),
    ("init",): ("/usr/lib/systemd/systemd",),
    ("pkill",): ("/usr/bin/pgrep",),
    ("pidof",): ("/usr/sbin/killall5",),
    ("slogin",): ("/usr/bin/ssh",),
    ("rbash",): ("/usr/bin/bash",),
    ("unxz", "xzcat", "lzma", "unlzma", "lzcat"): ("/usr/bin/xz",),
    ("dnsdomainname", "domainname", "nisdomainname"): ("/usr/bin/hostname",),
}
"""Programs that are links on Debian and Ubuntu, and mostly on Fedora; measured on Debian 12."""
_BY_NAME = {name: targets for names, targets in _PROGRAMS.items() for name in names}

_BUSYBOX = frozenset(
    (
        *("arch", "ash", "awk", "base64", "basename", "bc", "cat", "chgrp", "chmod", "chown", "clear"),
        *("cmp", "cp", "crond", "crontab", "cut", "date", "dd", "df", "diff", "dirname", "dmesg", "du"),
        *("echo", "ed", "egrep", "env", "expr", "factor", "false", "fgrep", "find", "flock", "fold"),
        *("free", "fsck", "fuser", "getty", "grep", "groups", "gunzip", "gzip", "halt", "head", "hexdump"),
        *("hostid", "hostname", "id", "ifconfig", "ifdown", "ifup", "init", "insmod", "install", "ionice"),
        *("ip", "kill", "killall", "last", "less", "link", "ln", "logger", "login", "logread", "ls"),
        *("lsmod", "lsof", "lzop", "makemime", "md5sum", "mkdir", "mkfifo", "mknod", "mkswap", "mktemp"),
        *("modinfo", "modprobe", "more", "mount", "mountpoint", "mv", "nc", "netstat", "nice", "nl"),
        *("nohup", "nologin", "nproc", "nsenter", "nslookup", "od", "passwd", "paste", "pgrep", "pidof"),
        *("ping", "ping6", "pivot_root", "pkill", "poweroff", "printenv", "printf", "ps", "pstree", "pwd"),
        *("readlink", "realpath", "reboot", "renice", "reset", "rev", "rm", "rmdir", "rmmod", "route"),
        *("sed", "seq", "setsid", "sh", "sha1sum", "sha256sum", "sha512sum", "shred", "shuf", "sleep"),
        *("sort", "split", "stat", "strings", "stty", "su", "swapoff", "swapon", "sync", "sysctl"),
        *("syslogd", "tac", "tail", "tar", "tee", "test", "time", "timeout", "top", "touch", "tr"),
        *("traceroute", "tree", "true", "truncate", "tty", "udhcpc", "umount", "uname", "uniq", "unlink"),
        *("unshare", "unzip", "uptime", "usleep", "uudecode", "uuencode", "vi", "watch", "wc", "wget"),
        *("which", "who", "whoami", "xargs", "xxd", "yes", "zcat"),
    )
)
"""Applets that Alpine installs as links; the better-known of them."""

_PROGRAM = re.compile(r"(?:/usr)?/s?bin/([^/]+)")
_IN_BIN = frozenset({"dash", "bash", "kmod", "systemctl"})
"""Programs that stand in /bin where that is a folder of its own."""


def link_at(path: str, layout: Layout, *, program: bool) -> Link | None:
    """What is known about a path without a glob in it; a folder's may end in `/`.

    `program` says that it is about a file that is executed.
    """
    for link, target in _OF_A_PROCESS:
        rest = _below(path, link)
        if rest is not None:
            why = f"{link} is a link into the folder of whoever follows it"
            return Link(why, (target + rest,), f"the pattern {target}{rest}", certain=True, of_file=False)
    found = _PROGRAM.fullmatch(path)
    named = _program(path, found[1], layout) if found else None
    if named is not None:
        return named
    if path in _FILES and not program:
        target = _FILES[path]
        return Link(f"{path} is a link", (target,), target, certain=False, of_file=True)
    merged = _MERGED if layout in {Layout.MERGED_USR, Layout.UNKNOWN} else ()
    for link, target in (*_EVERYWHERE, *merged):
        rest = _below(path, link)
        if rest is not None:
            where = " on merged-/usr images" if link.count("/") == 1 and layout is Layout.UNKNOWN else ""
            why = f"{link} is a link to {target}{where}"
            return Link(why, (target + rest,), target + rest, certain=True, of_file=False)
    return None


def link_called(name: str, layout: Layout) -> Link | None:
    """As `link_at`, for a program's base name."""
    link = _program(name, name, layout)
    if link is None or name in {target.rpartition("/")[2] for target in link.instead}:
        return None
    names = tuple(dict.fromkeys(target.rpartition("/")[2] for target in link.instead))
    advice = _either(
        f"{one} ({_FOUND_ON[one]})" if name == "sh" and one in _FOUND_ON else one for one in names
    )
    return Link(link.why, names, advice, link.certain, link.of_file)


def _program(path: str, name: str, layout: Layout) -> Link | None:
    if name == "sh":
        shells = _SHELLS[layout]
        advice = _either(f"{shell} ({_FOUND_ON[shell.rpartition('/')[2]]})" for shell in shells)
        return Link(f"{path} is a link to a shell", shells, advice, certain=True, of_file=True)
    if layout is Layout.ALPINE and name in _BUSYBOX:
        busybox = "/bin/busybox"
        why = f"{path} is a link to {busybox}, which is one program for all"
        return Link(
            why, (busybox,), f"{busybox}, with allowedArgs where one is meant", certain=True, of_file=True
        )
    targets = _BY_NAME.get(name)
    if targets is None:
        return None
    if layout is Layout.SPLIT_USR:
        targets = tuple(
            one.removeprefix("/usr") if one.rpartition("/")[2] in _IN_BIN else one for one in targets
        )
    return Link(f"{path} is a link on most images", targets, _either(targets), certain=False, of_file=True)


def _below(path: str, link: str) -> str | None:
    """What follows `link` in `path`, if it leads through it."""
    if path == link:
        return ""
    return path[len(link) :] if path.startswith(f"{link}/") else None


def _either(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
