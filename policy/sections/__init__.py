"""The sections that are compiled and judged. One module each; this list is all that names them."""

from policy.sections.process import PROCESS
from policy.sections.section import Section

SECTIONS: tuple[Section, ...] = (PROCESS,)

__all__ = ["SECTIONS", "Section"]
