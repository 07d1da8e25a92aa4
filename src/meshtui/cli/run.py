"""`meshtui run -- CMD`: the loop around any command. Whatever is wrong with us, the command runs all the same."""

from __future__ import annotations

import click

from meshcore.model import MODES, Mode
from meshtui.cli.context import Session
from meshtui.cli.run_call import Call
from meshtui.cli.run_start import pass_through

RERUNS = ("auto", "always")


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="The ceiling for this call.")
@click.option("--via", default="shell", show_default=True, help="What kind of agent runs it.")
@click.option(
    "--rerun",
    type=click.Choice(RERUNS),
    default=RERUNS[0],
    show_default=True,
    help="After a fix: auto waits where a file or pipe would get the output twice. Policy rules on the rest.",
)
@click.option("--sync", is_flag=True, help="Exchange with the others before and after, 5 s each at most; for CI.")
@click.argument("argv", metavar="CMD [ARGS]...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(session: Session, mode: Mode, via: str, rerun: str, sync: bool, argv: tuple[str, ...]) -> int:
    """Run any command; where it fails and the fix is known, heal it as far as policy and mode allow.

    Its streams, signals and terminal pass through untouched. The exit code is the command's: of the last run of it,
    if the fix was followed by another; where that meets another error, that is healed too, up to eight. What the mesh
    has to say is at most three lines on standard error, and one for each error more.
    """
    call = Call(argv, mode, via, session.options, rerun)
    if not sync or mode == "off":
        return pass_through(call)
    from meshtui.cli.syncing import synchronise

    synchronise(session, "before")
    code = pass_through(call)
    synchronise(session, "after")
    return code
