"""What people write: policy documents, and every problem with where it stands.

`yaml_tree` turns text into values with marks; `kinds`, `sections` and `fields` say what a policy looks
like; `reader` puts them together and gives `Document`s and `Problem`s.
"""

from policy.documents.problems import Problem, ProblemCode
from policy.documents.reader import Document, ReadResult, read_document, read_documents

__all__ = ["Document", "Problem", "ProblemCode", "ReadResult", "read_document", "read_documents"]
