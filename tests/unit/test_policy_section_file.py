"""What rules about files match, a case at a time."""

import pytest

from policy.changes import SettingsChanged
from policy.events import (
    Executable,
)
from policy.verdict import Reason
from tests.fixtures.happenings import (
    access,
    place,
    verdict_of,
)
from tests.fixtures.policies import applied


@pytest.mark.parametrize(
    "doing",
    ["write", "create", "unlink", "rename", "rmdir", "mkdir", "chmod", "chown", "link", "truncate", "mount"],
)
def test_read_only_permits_reading_alone(doing: str) -> None:
    change = applied({"file": {"matchPaths": [{"path": "/d/f", "readOnly": True}]}})
    assert verdict_of(access("read"), change).reason is Reason.RULE_PASS
    assert verdict_of(access(doing), change).reason is Reason.RULE_BLOCK


def test_read_only_on_an_allow_is_a_miss_and_on_an_audit_an_alert() -> None:
    rule = {"matchPaths": [{"path": "/d/f", "readOnly": True}]}
    block = SettingsChanged(file_posture="block")
    allow = applied({"action": "Allow", "file": rule})
    assert verdict_of(access("read"), block, allow).reason is Reason.RULE_ALLOW
    assert verdict_of(access("write"), block, allow).reason is Reason.POSTURE_BLOCK
    audit = applied({"action": "Audit", "file": rule})
    assert verdict_of(access("read"), audit).reason is Reason.NO_POLICY
    assert verdict_of(access("write"), audit).reason is Reason.RULE_AUDIT


def test_file_qualifiers_are_those_of_the_actor() -> None:
    owned = applied({"file": {"matchDirectories": [{"dir": "/d/", "ownerOnly": True}]}})
    assert verdict_of(access("write", uid=5, owner_uid=5), owned).decision == "allow"
    assert verdict_of(access("write", uid=0, owner_uid=5), owned).decision == "block"
    terminal = applied({"file": {"matchPaths": [{"path": "/d/f", "pts": False}]}})
    assert verdict_of(access("read", tty="pts1"), terminal).decision == "block"
    assert verdict_of(access("read"), terminal).decision == "allow"
    sourced = applied({"file": {"matchPaths": [{"path": "/d/f", "fromSource": [{"path": "/bin/cat"}]}]}})
    assert verdict_of(access("read"), sourced).decision == "block"
    assert verdict_of(access("read", actor=Executable(path="/bin/tac")), sourced).decision == "allow"
    assert verdict_of(access("read", actor=None), sourced).decision == "allow"
    cut = Executable(path="in/cat", truncated=True)
    assert verdict_of(access("read", actor=cut), sourced).decision == "block"


def test_patterns_of_files_take_qualifiers() -> None:
    rule = {"pattern": "/d/*", "readOnly": True, "ownerOnly": True}
    change = applied({"file": {"matchPatterns": [rule]}})
    assert place(verdict_of(access("write"), change)) == "spec.file.matchPatterns[0]"
    assert verdict_of(access("read"), change).decision == "allow"
    assert verdict_of(access("read", uid=1), change).decision == "block"


@pytest.mark.parametrize("doing", ["rename", "link", "symlink"])
def test_both_names_are_judged_and_the_worse_stands(doing: str) -> None:
    change = applied({"file": {"matchPaths": [{"path": "/a"}, {"path": "/b"}]}})
    assert place(verdict_of(access(doing, "/x", new_path="/b"), change)) == "spec.file.matchPaths[1]"
    assert place(verdict_of(access(doing, "/a", new_path="/b"), change)) == "spec.file.matchPaths[0]"
    assert verdict_of(access(doing, "/x", new_path="/y"), change).reason is Reason.NO_POLICY


def test_a_new_name_means_nothing_where_none_is_made() -> None:
    change = applied({"file": {"matchPaths": [{"path": "/b"}]}})
    assert verdict_of(access("write", "/a", new_path="/b"), change).decision == "allow"


def test_truncated_names_satisfy_no_allow_and_meet_blocks() -> None:
    block = SettingsChanged(file_posture="block")
    allow = applied({"action": "Allow", "file": {"matchDirectories": [{"dir": "/", "recursive": True}]}})
    assert verdict_of(access("read", "d/f", truncated=True), block, allow).decision == "block"
    renamed = access("rename", "/a", new_path="d/f", new_truncated=True)
    assert verdict_of(renamed, block, allow).decision == "block"
    denied = applied({"file": {"matchPaths": [{"path": "/x/d/f"}]}})
    assert verdict_of(access("read", "d/f", truncated=True), denied).decision == "block"
    assert verdict_of(access("read", "d/f"), denied).decision == "allow"
