"""The `meshtui` command: every way out ends with one line and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys

from meshcore.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, MeshError

TYPE_CHECKING = False  # typing would be loaded before every command that is passed through
if TYPE_CHECKING:
    import click


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    from meshtui.cli import run_start

    if (exit_code := run_start.run_plainly(arguments)) is not None:
        return exit_code
    import click

    from meshtui.cli.main import meshtui

    run_start.write_whatever_it_is()
    try:
        code = meshtui.main(arguments, prog_name="meshtui", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _complain(_in_one_line(error), EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", EXIT_INTERRUPTED)
    except MeshError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    return code if isinstance(code, int) else EXIT_OK


def _complain(what: str, exit_code: int) -> int:
    from meshcore.safety.visible_text import visible

    print(f"meshtui: {visible(what, keep_newlines=False)}", file=sys.stderr)
    return exit_code


def _in_one_line(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "meshtui"
    return f"{error.format_message().rstrip('.')}; see `{command} --help`"


if __name__ == "__main__":
    main()
