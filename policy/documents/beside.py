"""What may stand beside policies, in their files and folders, and is none.

It is told apart by what it says it is and by nothing else, so that no misspelled policy ever counts as
something else.
"""

from policy.documents.tree import Value

TEST_API_VERSION = "lictor.dev/v1"
TEST_KIND = "PolicyTest"

_IDENTITY_MAP = "workloads"


def is_policy_test(value: Value) -> bool:
    """Whether a document holds expectations (`policy.expectations`): its kind is `PolicyTest`."""
    return isinstance(value, dict) and value.get("kind") == TEST_KIND


def stands_beside_policies(value: Value) -> bool:
    """Whether a document is no policy and does not mean to be one.

    Those are expectations, and identity maps: a mapping with `workloads` and nothing else.
    """
    return is_policy_test(value) or (isinstance(value, dict) and value.keys() == {_IDENTITY_MAP})
