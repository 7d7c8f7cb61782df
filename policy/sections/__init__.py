"""The sections that are compiled and judged. One module each; this list is all that names them."""

from policy.sections.capabilities import CAPABILITIES
from policy.sections.dns import DNS
from policy.sections.file import FILE
from policy.sections.network import NETWORK
from policy.sections.presets import PRESETS
from policy.sections.process import PROCESS
from policy.sections.section import Section, SectionName
from policy.sections.syscalls import SYSCALLS

SECTIONS: tuple[Section, ...] = (PROCESS, FILE, NETWORK, DNS, CAPABILITIES, SYSCALLS, PRESETS)
"""Where two judge the same event, the earlier is credited when both come out the same."""

__all__ = ["SECTIONS", "Section", "SectionName"]
