"""Which file a command's first word means, and how a shell says that it is none.

Light, since hooks ask as well; `os.path`, since `pathlib` takes as long to load as a command takes to start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127

NO_INTERPRETER = "bad interpreter: No such file or directory"

_LONGEST_FIRST_LINE = 256  # bytes that the kernel reads
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


def find_startable(name: str, env: Mapping[str, str], cwd: str | None = None) -> str:
    """Return what `find_program` does. Raises CannotStartError also for a script whose interpreter is not there."""
    path = find_program(name, env, cwd)
    try:
        with open(path, "rb") as file:
            first = file.read(_LONGEST_FIRST_LINE).partition(b"\n")[0]
    except OSError:  # what may be executed need not be readable
        return path
    words = first[2:].replace(b"\t", b" ").split(b" ")
    interpreter = next(filter(None, words), b"") if first.startswith(b"#!") else b""
    if interpreter and not _is_there(os.path.join(os.fsencode(cwd or ""), interpreter)):
        raise CannotStartError(EXIT_NOT_FOUND, f"{name}: {NO_INTERPRETER}")
    return path


def _find(name: str, env: Mapping[str, str], cwd: str | None = None) -> str:
    folder = cwd or ""
    if "/" in name:
        path = os.path.join(folder, name.removeprefix("./") if folder else name)
        if os.path.isdir(path):
            raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{name}: Is a directory")
        if not _is_there(path):
            raise CannotStartError(EXIT_NOT_FOUND, f"{name}: No such file or directory")
        if not os.access(path, os.X_OK):
            raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{name}: Permission denied")
        return path if cwd else name
    forbidden = False
    for entry in (env.get("PATH") or _DEFAULT_PATH).split(":") if name else ():
        path = os.path.join(folder, entry, name)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path if "/" in path else f"./{path}"
            forbidden = True
    if forbidden:
        raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{name}: Permission denied")
    raise CannotStartError(EXIT_NOT_FOUND, f"{name}: command not found")


def _is_there(path: str | bytes) -> bool:
    """Tell whether a file is there. Raises OSError where that cannot be known, such as for a name that is too long."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    return True
