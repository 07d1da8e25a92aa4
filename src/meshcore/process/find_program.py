"""Which file a command's first word means, and how a shell says that it is none; light, since hooks ask as well."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


class CannotStartError(Exception):
    """The command was not started: the exit code that a shell would give, and its words."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message


def find_program(name: str, env: Mapping[str, str], cwd: str | None = None) -> str:
    """Return the path of the file that a command's first word means. Raises CannotStartError (126, 127)."""
    try:
        return _find(name, env, cwd)
    except OSError as error:
        raise CannotStartError(EXIT_NOT_FOUND, f"{name:.80}: {error.strerror}") from error


def _find(name: str, env: Mapping[str, str], cwd: str | None = None) -> str:
    folder = Path(cwd or "")
    if "/" in name:
        path = folder / name
        if path.is_dir():
            raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{name}: Is a directory")
        if not path.exists():
            raise CannotStartError(EXIT_NOT_FOUND, f"{name}: No such file or directory")
        if not os.access(path, os.X_OK):
            raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{name}: Permission denied")
        return str(path) if cwd else name
    forbidden = False
    for entry in (env.get("PATH") or _DEFAULT_PATH).split(":") if name else ():
        path = folder / entry / name
        if path.is_file():
            if os.access(path, os.X_OK):
                return str(path) if "/" in str(path) else f"./{path}"
            forbidden = True
    if forbidden:
        raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{name}: Permission denied")
    raise CannotStartError(EXIT_NOT_FOUND, f"{name}: command not found")
