"""What can go wrong, each with the exit code that a command ends with and a one-line message that says what to do."""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_BRIDGE_UNAVAILABLE = 69
EXIT_CONFIGURATION = 78
EXIT_INTERRUPTED = 130


class MeshError(Exception):
    """Something failed; the message is one line: what happened, where, what to do next."""

    exit_code = EXIT_FAILURE


class UsageError(MeshError):
    """The caller asked for something that does not exist or does not fit."""

    exit_code = EXIT_USAGE


class BridgeUnavailableError(MeshError):
    """The bridge cannot be read or written now; what is known locally still works."""

    exit_code = EXIT_BRIDGE_UNAVAILABLE


class ConfigurationError(MeshError):
    """A setting, a file or a schema is not usable as it stands."""

    exit_code = EXIT_CONFIGURATION


class StoreTooNewError(ConfigurationError):
    """The home was written by a newer version; nothing of it was read."""


class BadRecordError(MeshError):
    """A record's text, signature or fields are not acceptable; it is kept and counted, never applied."""


class BadSkillError(MeshError):
    """A skill that must not exist: it matches nothing, everything, or would do nothing."""

    exit_code = EXIT_USAGE
