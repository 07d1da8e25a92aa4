"""Starting a command as a shell would: descriptors, signals, exit codes 126 and 127."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from meshcore.process.find_program import EXIT_NOT_EXECUTABLE as EXIT_NOT_EXECUTABLE
from meshcore.process.find_program import EXIT_NOT_FOUND as EXIT_NOT_FOUND
from meshcore.process.find_program import NO_INTERPRETER
from meshcore.process.find_program import CannotStartError as CannotStartError
from meshcore.process.find_program import find_program as find_program

FileAction = tuple[int, int, int] | tuple[int, int, str, int, int]  # dup2 or open, as os.posix_spawn takes them

_SHELL = "/bin/sh"
_folder = threading.Lock()  # the working folder is the whole process's: one start at a time may change it
_CHANGED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def spawn(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | None,
    actions: Sequence[FileAction],
    mask: Collection[int],
    *,
    session: bool = False,
) -> int:
    """Start a command and return its process id. Raises CannotStartError.

    Descriptors that are inheritable stay open (process substitution, job servers); `mask` is its signal mask;
    `session` makes it the leader of a session of its own.
    """
    program = find_program(argv[0], env, os.path.join(os.getcwd(), cwd) if cwd else None)
    environment = {**env, "PWD": os.path.join(os.getcwd(), cwd)} if cwd else dict(env)

    def start(path: str, words: tuple[str, ...]) -> int:
        return os.posix_spawn(
            path,
            words,
            environment,
            file_actions=actions,
            setsid=session,
            setsigmask=mask,
            setsigdef=_CHANGED_BY_PYTHON,
        )

    try:
        with _inside(cwd):
            try:
                return start(program, tuple(argv))
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                return start(_SHELL, (_SHELL, program, *argv[1:]))  # a script without `#!`, as every shell runs it
    except OSError as error:
        if error.errno == errno.ENOENT:  # bash from 5.2 on, dash, zsh and env: it is the interpreter that is not found
            raise CannotStartError(EXIT_NOT_FOUND, f"{argv[0]}: {NO_INTERPRETER}") from error
        raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{argv[0]}: {error.strerror}") from error
    except ValueError as error:
        raise CannotStartError(EXIT_NOT_EXECUTABLE, f"{argv[0]!r:.80}: {error}") from error


@contextmanager
def _inside(cwd: str | None) -> Iterator[None]:
    if cwd is None:
        yield
        return
    with _folder:
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(cwd)  # posix_spawn cannot, and a fork would copy our threads' locks
            yield
        finally:
            os.fchdir(before)
            os.close(before)
