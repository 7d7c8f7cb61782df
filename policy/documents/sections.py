"""The sections of a policy: what its rules match, and with which qualifiers."""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from policy.documents.fields import (
    Action,
    Arguments,
    Capabilities,
    Directory,
    Domain,
    ExecName,
    FilePath,
    FilePathOrDirectory,
    Flag,
    Pattern,
    PresetAction,
    PresetName,
    Protocols,
    Severity,
    SyscallNames,
    Text,
    refusal,
)
from policy.documents.problems import ProblemCode
from policy.documents.shapes import exactly_one_of


class Written(BaseModel):
    """Anything in a document: a field that is not known is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class Labelled(Written):
    """What stands at spec, section and rule level; the value nearest the rule wins."""

    severity: Severity | None = None
    tags: tuple[Text, ...] | None = None
    message: Text | None = None
    action: Action | None = None


def _other_than(other: str) -> Callable[[str | None, ValidationInfo], str | None]:
    """A validator of a field that is there exactly where the field `other`, declared before it, is not.

    It stands at the field and not at the model, so that it is asked whatever else is wrong with a rule.
    """

    def either(value: str | None, info: ValidationInfo) -> str | None:
        if other in info.data and (info.data[other] is None) == (value is None):
            raise refusal(ProblemCode.ONE_OF, f"give either {other} or {info.field_name}")
        return value

    return either


class Source(Written):
    """An exact path of the program that acts."""

    path: FilePath


class ProcessPath(Labelled):
    """One program, by its path or by its name in any directory."""

    model_config = ConfigDict(json_schema_extra=exactly_one_of("path", "execname"))

    path: FilePath | None = None
    execname: Annotated[ExecName | None, AfterValidator(_other_than("path"))] = Field(
        default=None, validate_default=True
    )
    owner_only: Flag = False
    pts: Flag = True
    from_source: tuple[Source, ...] = ()
    allowed_args: Arguments = ()


class ProcessDirectory(Labelled):
    """The programs in one directory."""

    dir: Directory
    recursive: Flag = False
    owner_only: Flag = False
    pts: Flag = True
    from_source: tuple[Source, ...] = ()


class ProcessPattern(Labelled):
    """The programs whose paths match a glob."""

    pattern: Pattern
    owner_only: Flag = False


class ProcessSection(Labelled):
    """What may be executed."""

    match_paths: tuple[ProcessPath, ...] = ()
    match_directories: tuple[ProcessDirectory, ...] = ()
    match_patterns: tuple[ProcessPattern, ...] = ()


class AccessedPath(Labelled):
    """One file."""

    path: FilePath
    read_only: Flag = False
    owner_only: Flag = False
    pts: Flag = True
    from_source: tuple[Source, ...] = ()


class AccessedDirectory(Labelled):
    """The files in one directory."""

    dir: Directory
    recursive: Flag = False
    read_only: Flag = False
    owner_only: Flag = False
    pts: Flag = True
    from_source: tuple[Source, ...] = ()


class AccessedPattern(Labelled):
    """The files whose paths match a glob."""

    pattern: Pattern
    read_only: Flag = False
    owner_only: Flag = False


class FileSection(Labelled):
    """Which files may be accessed, and how."""

    match_paths: tuple[AccessedPath, ...] = ()
    match_directories: tuple[AccessedDirectory, ...] = ()
    match_patterns: tuple[AccessedPattern, ...] = ()


class ProtocolRule(Labelled):
    """Sockets of one or several protocols."""

    protocol: Protocols
    from_source: tuple[Source, ...] = ()


class DomainRule(Labelled):
    """DNS queries for a domain and its subdomains."""

    domain: Domain
    from_source: tuple[Source, ...] = ()


class NetworkSection(Labelled):
    """Which sockets may be made and which names asked for."""

    match_protocols: tuple[ProtocolRule, ...] = ()
    match_dns_queries: tuple[DomainRule, ...] = Field(default=(), alias="matchDNSQueries")


class CapabilityRule(Labelled):
    """One or several capabilities."""

    capability: Capabilities
    from_source: tuple[Source, ...] = ()


class CapabilitiesSection(Labelled):
    """Which capabilities may be used."""

    match_capabilities: tuple[CapabilityRule, ...] = ()


class SyscallSource(Written):
    """The acting program, by its path or by a directory of programs."""

    model_config = ConfigDict(json_schema_extra=exactly_one_of("path", "dir"))

    path: FilePath | None = None
    dir: Annotated[Directory | None, AfterValidator(_other_than("path"))] = Field(
        default=None, validate_default=True
    )
    recursive: Flag = False


class SyscallRule(Labelled):
    """System calls, by name."""

    syscall: SyscallNames
    from_source: tuple[SyscallSource, ...] = ()


class SyscallPathRule(Labelled):
    """System calls on a file or directory."""

    path: FilePathOrDirectory
    recursive: Flag = False
    syscall: SyscallNames
    from_source: tuple[SyscallSource, ...] = ()


class SyscallsSection(Labelled):
    """Which system calls are told: always Audit, whatever the action says."""

    match_syscalls: tuple[SyscallRule, ...] = ()
    match_paths: tuple[SyscallPathRule, ...] = ()


class Preset(Labelled):
    """A ready-made protection by name: Audit or Block."""

    name: PresetName
    action: PresetAction | None = None


def _none_inherits_allow(presets: tuple[Preset, ...], info: ValidationInfo) -> tuple[Preset, ...]:
    if info.data.get("action") == "Allow":
        for number, preset in enumerate(presets):
            if preset.action is None:
                sentence = (
                    f"presets[{number}] takes the action Allow from spec, and a preset is Audit or Block"
                )
                raise refusal(ProblemCode.BAD_ACTION, f"{sentence}; give it an action of its own")
    return presets


class Sections(Labelled):
    """What every kind of policy may hold."""

    process: ProcessSection = ProcessSection()
    file: FileSection = FileSection()
    network: NetworkSection = NetworkSection()
    capabilities: CapabilitiesSection = CapabilitiesSection()
    syscalls: SyscallsSection = SyscallsSection()
    presets: Annotated[tuple[Preset, ...], AfterValidator(_none_inherits_allow)] = ()
