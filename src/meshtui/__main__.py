"""The `meshtui` command: every way out ends with one line and an exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import sys

from meshcore.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, MeshError

TYPE_CHECKING = False  # typing would be loaded before every command that is passed through
if TYPE_CHECKING:
    from typing import TextIO

    import click

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main() -> None:
    """Run the command line and leave with its exit code, whatever its standard streams take."""
    exit_code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not _is_flushed(stream):
            _let_go(stream)
    sys.exit(exit_code)


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    from meshtui.cli import run_start

    if (exit_code := run_start.run_plainly(arguments)) is not None:
        return exit_code
    from meshcore.process.standard_streams import open_standard_streams
    from meshtui.cli.start import open_plainly

    open_standard_streams()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:  # it was closed when Python started
            setattr(sys, name, os.fdopen(descriptor, "w", closefd=False))
    run_start.write_whatever_it_is()
    try:
        code = open_plainly(arguments)
        if code is None:
            code = _run_command(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _complain("interrupted", EXIT_INTERRUPTED)
    except MeshError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        _let_go(sys.stdout)
        return EXIT_FAILURE
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _let_go(sys.stdout)
        return _complain(f"cannot write: {error.strerror}; make room and repeat it", EXIT_FAILURE)
    return code


def _run_command(arguments: list[str]) -> int:
    import click

    from meshtui.cli.context import COMPLETING
    from meshtui.cli.main import meshtui

    if asked := os.environ.get(COMPLETING):
        from click.shell_completion import shell_complete

        return shell_complete(meshtui, {}, "meshtui", COMPLETING, asked)
    try:
        code = meshtui.main(arguments, prog_name="meshtui", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except click.ClickException as error:
        return _complain(_in_one_line(error), EXIT_USAGE)
    except click.Abort:
        return _complain("interrupted", EXIT_INTERRUPTED)
    return code if isinstance(code, int) else EXIT_OK


def _complain(what: str, exit_code: int) -> int:
    from meshtui.cli.context import note

    note(what)
    return exit_code


def _is_flushed(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def _let_go(stream: TextIO) -> None:
    """Lead a stream that takes nothing to where everything goes: Python would end with 120 for what is left in it."""
    from meshcore.process.standard_streams import open_null

    os.dup2(open_null(), stream.fileno())


def _in_one_line(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "meshtui"
    said, meant = _said_and_meant(error)
    return f"{said}. Did you mean {meant!r}? See `{command} --help`" if meant else f"{said}; see `{command} --help`"


def _said_and_meant(error: click.ClickException) -> tuple[str, str]:
    """Return what is wrong in one line, and the word that was meant, "" where none is near."""
    import click

    if possible := getattr(error, "possibilities", None):
        return error.message.rstrip("."), possible[0]
    param = getattr(error, "param", None)
    if param is None or not isinstance(param.type, click.Choice) or " is not one of " not in error.message:
        return " ".join(error.format_message().split()).rstrip("."), ""
    from difflib import get_close_matches

    typed = error.message.partition(" is not one of ")[0]
    choices = [str(choice) for choice in param.type.choices]
    option = f"{param.opts[0]}: " if isinstance(param, click.Option) else ""
    near = get_close_matches(typed.strip("'"), choices, 1)
    return f"{option}{typed} is none of {', '.join(choices)}", near[0] if near else ""


if __name__ == "__main__":
    main()
