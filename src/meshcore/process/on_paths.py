"""Make folders and files, change modes, copy an example, remove a stale lock, mend a script's start, follow an import.

All of it goes through descriptors, so that no link is followed.

This file is also a program of its own, on the standard library only: what `command` returns runs it.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LARGEST_SOURCE: Final = 1 << 24
_LARGEST_EXAMPLE: Final = 1 << 20
_STALE_AFTER_S: Final = 600.0
_LOCK: Final = [".git", "index.lock"]
_LINE_ENDS: Final = r"s/\r$//"
_INTERPRETER: Final = re.compile(r"1s([|,@])\^?(?:#!)?\.\*\$?\1(#!/[\w/ ]{1,60})\1", re.ASCII)
_MOVED: Final = re.compile(r"s/([\w. ]+)/([\w. ]+)/(g?)", re.ASCII)


def command(argv: Sequence[str], place: Sequence[str]) -> tuple[str, ...]:
    """Return the argv that does what `argv` says (mkdir, touch, chmod, rmdir, cp, rm or sed -i) below `place`.

    `place`: a project without links in its path, and a folder below it.
    """
    return (sys.executable, "-I", "-S", os.path.realpath(__file__), *place, Path(argv[0]).name, *argv[1:])


def run(root: str, folder: str, program: str, words: Sequence[str]) -> None:
    """Do what a program would do with its words in a folder below a root. Raises OSError, also for each link."""
    options = {letter for word in words if word.startswith("-") for letter in _LONG.get(word, word[1:])}
    operands = [word for word in words if not word.startswith("-")]
    action = operands.pop(0) if program in {"chmod", "sed", "cp"} else ""
    for operand in operands:
        names = _names(folder, operand)
        if program == "cp":
            _copy(root, _names(folder, action), names)
            continue
        _PROGRAMS[program](_opened("/", root.split("/"), makes=False), names, options, action)


def _names(folder: str, operand: str) -> list[str]:
    names = [name for name in f"{folder}/{operand}".split("/") if name not in {"", "."}]
    if not names or ".." in names:
        raise OSError(0, "is outside the project", operand)
    return names


def _opened(start: str | int, names: Sequence[str], *, makes: bool) -> int:
    """Return a descriptor of the folder that names lead to, one after the other; `makes`: missing ones are made."""
    at = os.open(start, _FOLDER) if isinstance(start, str) else start
    for name in filter(None, names):
        try:
            if makes:
                _make(at, name, exists=True)
            below = os.open(name, _FOLDER, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


def _make(at: int, name: str, *, exists: bool) -> None:
    try:
        os.mkdir(name, dir_fd=at)
    except FileExistsError:
        if not exists:
            raise


def _make_folder(at: int, names: list[str], options: set[str], action: str) -> None:
    if "p" in options:
        os.close(_opened(at, names, makes=True))
        return
    at = _opened(at, names[:-1], makes=False)
    _make(at, names[-1], exists=False)


def _remove_folder(at: int, names: list[str], options: set[str], action: str) -> None:
    os.rmdir(names[-1], dir_fd=_opened(at, names[:-1], makes=False))


def _make_file(at: int, names: list[str], options: set[str], action: str) -> None:
    at = _opened(at, names[:-1], makes=False)
    try:
        file = os.open(names[-1], os.O_WRONLY | _FILE | (0 if "c" in options else os.O_CREAT), 0o666, dir_fd=at)
    except FileNotFoundError:
        if "c" not in options:
            raise
        return
    _own(os.fstat(file), names)
    os.utime(file)


def _change_mode(at: int, names: list[str], options: set[str], action: str) -> None:
    at = _opened(at, names[:-1], makes=False)
    # A descriptor for the path alone needs no right to read the file; a system without them has a chmod of links.
    if by_path := getattr(os, "O_PATH", 0):
        file = os.open(names[-1], by_path | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        found = os.fstat(file)
        _own(found, names)
        Path(f"/proc/self/fd/{file}").chmod(_mode(action, found.st_mode))
    else:
        found = os.stat(names[-1], dir_fd=at, follow_symlinks=False)
        _own(found, names)
        os.chmod(names[-1], _mode(action, found.st_mode), dir_fd=at, follow_symlinks=False)


def _mode(action: str, before: int) -> int:
    umask = os.umask(0)
    os.umask(umask)
    before = stat.S_IMODE(before)
    if action.isdigit():
        return int(action, 8)
    modes = {"+x": before | 0o111 & ~umask, "u+x": before | 0o100, "go-rwx": before & ~0o077}
    modes |= {"u=rw,go=": before & ~0o777 | 0o600, "u=rwx,go=": before & ~0o777 | 0o700}
    return modes[action]


def _copy(root: str, source: list[str], names: list[str]) -> None:
    """Copy a file to where none is."""
    at = _opened(_opened("/", root.split("/"), makes=False), source[:-1], makes=False)
    with os.fdopen(os.open(source[-1], os.O_RDONLY | _FILE, dir_fd=at), "rb") as file:
        _own(os.fstat(file.fileno()), source)
        text = file.read(_LARGEST_EXAMPLE + 1)
    if len(text) > _LARGEST_EXAMPLE:
        raise OSError(0, "is too large", source[-1])
    at = _opened(_opened("/", root.split("/"), makes=False), names[:-1], makes=False)
    with os.fdopen(os.open(names[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o666, dir_fd=at), "wb") as made:
        made.write(text)


def _remove_lock(at: int, names: list[str], options: set[str], action: str) -> None:
    if names[-2:] != _LOCK:
        raise OSError(0, "is no lock of an index", "/".join(names))
    at = _opened(at, names[:-1], makes=False)
    found = os.stat(names[-1], dir_fd=at, follow_symlinks=False)
    _own(found, names)
    if time.time() - found.st_mtime < _STALE_AFTER_S:
        raise OSError(0, "is a lock that another process holds", "/".join(names))
    os.unlink(names[-1], dir_fd=at)


def _edited(text: bytes, action: str) -> bytes:
    """Return a text as sed would leave it. Raises OSError for what is none of the edits."""
    lines = text.split(b"\n")
    if action == _LINE_ENDS:
        return b"\n".join(line.removesuffix(b"\r") for line in lines)
    if found := _INTERPRETER.fullmatch(action):
        if not lines[0].startswith(b"#!"):
            raise OSError(0, "names no interpreter", action)
        return b"\n".join([found[2].encode(), *lines[1:]])
    if moved := _MOVED.fullmatch(action):
        old, new = moved[1].encode(), moved[2].encode()
        return b"\n".join(line.replace(old, new, -1 if moved[3] else 1) for line in lines)
    raise OSError(0, "is not what may be replaced", action)


def _edit(at: int, names: list[str], options: set[str], action: str) -> None:
    at = _opened(at, names[:-1], makes=False)
    with os.fdopen(os.open(names[-1], os.O_RDONLY | _FILE, dir_fd=at), "rb") as file:
        found = os.fstat(file.fileno())
        _own(found, names)
        text = file.read(_LARGEST_SOURCE + 1)
    if len(text) > _LARGEST_SOURCE:
        raise OSError(0, "is too large", names[-1])
    edited = _edited(text, action)
    scratch = f".{names[-1]}.{os.getpid()}.new"
    made = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=at)
    try:
        with os.fdopen(made, "wb") as file:
            file.write(edited)
            os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
        os.replace(scratch, names[-1], src_dir_fd=at, dst_dir_fd=at)
    except BaseException:
        os.unlink(scratch, dir_fd=at)
        raise


def _own(found: os.stat_result, names: list[str]) -> None:
    """Refuse what is no file or folder, and a file that has another name, which may be outside."""
    if not (stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)):
        raise OSError(0, "is a link, a device, or has another name", "/".join(names))


_LONG: Final = {"--parents": "p", "--verbose": "v"}
_PROGRAMS: Final[dict[str, Callable[[int, list[str], set[str], str], None]]] = {
    "mkdir": _make_folder,
    "rmdir": _remove_folder,
    "touch": _make_file,
    "chmod": _change_mode,
    "rm": _remove_lock,
    "sed": _edit,
}


if __name__ == "__main__":
    try:
        run(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
    except OSError as error:
        sys.exit(f"{sys.argv[3]}: {error.filename}: {error.strerror}; no link is followed")
