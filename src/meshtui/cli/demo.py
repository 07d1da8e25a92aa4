"""`meshtui demo`: the story on this machine, for real."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from meshcore.demo.hosts import two_machines, why_not
from meshcore.demo.proof import prove
from meshcore.demo.stage import Agent, agents_in
from meshcore.demo.story import Story, remove, run_demo
from meshcore.errors import UsageError
from meshcore.safety.visible_text import visible
from meshtui.cli.context import facts, json_option, print_json, say

KEPT = "everything is kept in"


@click.command()
@click.option("--offline", is_flag=True, help="No package index: with a tiny stand-in wheel that is built here.")
@click.option(
    "--hosts", is_flag=True, help="Two machines (network namespaces) and PostgreSQL; needs root, and is offline."
)
@click.option("--keep", metavar="DIR", help="Play it in DIR (new or empty) and leave everything there.")
@click.option("--report", "report_file", metavar="FILE", help="Where the report of it is to stay.")
@click.option("--plain", is_flag=True, help="As text also on a terminal, where it is else played in the panes.")
@json_option
def demo(offline: bool, hosts: bool, keep: str | None, report_file: str | None, plain: bool, as_json: bool) -> int:
    """Two agents, one bridge: the first is taught a fix and proves it, the second heals by itself.

    Then the monitor and the validator look at it, and a report is written, which stays. Everything happens in a
    throwaway folder; your own homes, bridge and operator key are not touched. On a terminal it is played in the
    terminal's own panes, and you may look around there. Exit 0 only if the second agent was verified.
    """
    root = _folder(keep)
    if not (plain or hosts or as_json) and _is_terminal():
        return _live(root, offline=offline, report=_report_file(root, report_file, kept=keep is not None), keep=keep)
    try:
        with _told(as_json) as tell, ExitStack() as stack:
            agents = _on_hosts(root, stack, tell) if hosts else None
            story = run_demo(root, offline=offline or agents is not None, say=tell, agents=agents)
            prove(story, _report_file(root, report_file, kept=keep is not None), tell, agents)
    finally:
        if keep is None:
            remove(root)
    if as_json:
        print_json("demo", asdict(story))
    else:
        _summary(story, kept=keep is not None)
    return 0 if story.verified else 1


@contextmanager
def _told(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Yield what tells a line at once; a terminal also shows for how long the next one has been awaited."""
    if as_json:
        yield lambda line: print(line, file=sys.stderr)
        return
    if not _is_terminal():
        yield lambda line: print(visible(line), flush=True)
        return
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    with Progress(SpinnerColumn(), TimeElapsedColumn(), transient=True) as progress:
        waiting = progress.add_task("")

        def tell(line: str) -> None:
            progress.console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
            progress.reset(waiting)

        yield tell


def _is_terminal() -> bool:
    return (
        all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def _live(root: Path, *, offline: bool, report: Path, keep: str | None) -> int:
    """Play it in the terminal's own panes, and say afterwards what it told."""
    say("meshtui demo: two agents, one bridge; one is taught a fix, the other heals by itself …")
    from meshcore.config import load
    from meshtui.demoapp import DemoApp, story_command
    from meshtui.driver import MeshDriver

    _, second = agents_in(root)
    options = ["--keep", str(root), "--report", str(report), *(["--offline"] if offline else [])]
    then = "; all this is removed when you leave" if keep is None else f"; all this stays in {root}"
    app = DemoApp(load(environment=second.environment), story_command(*options), then, driver_class=MeshDriver)
    try:
        app.run()
        app.close()
    finally:
        if keep is None:
            remove(root)
    for line in app.told:
        if keep is not None or not line.startswith(KEPT):
            say(line)
    if app.failure is not None:
        raise app.failure
    if app.code is None:
        say("left before the story was over")
    return 1 if app.code is None else app.code


def _on_hosts(root: Path, stack: ExitStack, progress: Callable[[str], None]) -> tuple[Agent, Agent] | None:
    """Return the two agents on machines of their own, None where there can be none; that is said."""
    if why := why_not():
        progress(f"no machines of their own ({why}): going on with one machine and a file")
        return None
    agents = agents_in(root)
    for agent in agents:
        agent.work.mkdir(parents=True)
    progress("two machines: network namespaces with a cable each, and PostgreSQL between them")
    stack.enter_context(two_machines(agents))
    return agents


def _report_file(root: Path, wanted: str | None, *, kept: bool) -> Path:
    if wanted is not None:
        return Path(wanted).absolute()
    return (root if kept else Path(tempfile.mkdtemp(prefix="meshtui-report-"))) / "report.html"


def _folder(keep: str | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="meshtui-demo-"))
    root = Path(keep).resolve()  # a container would not find its way through `..`
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root}: not an empty folder; name a new one")
    root.mkdir(parents=True, exist_ok=True)
    return root


def _summary(story: Story, *, kept: bool) -> None:
    say()
    facts(
        {
            "broadcast → receipt": f"{(story.received_after or 0) * 1000:.2f} ms",
            "first (agent_a_test)": _time(story.first),
            "again (agent_b_test)": _time(story.again),
            **({} if story.hosts else _old_queries(story)),
            **{f"skills of {name}": f"{story.skills[name]} in {path}" for name, path in story.skills_files.items()},
            "packages from": "a stand-in wheel built here" if story.offline else "the package index",
            "report": f"{story.report}   (open it in a browser)",
        }
    )
    say("✓ healed at the second agent, verified by running the failed command again")
    if kept:
        say(f"{KEPT} {story.folder}")


def _old_queries(story: Story) -> dict[str, str]:
    return {
        "skills broadcast": f"{story.broadcast}   (message_id LIKE 'skill_%')",
        "pending queue": f"{story.pending}   (… AND status='pending')",
    }


def _time(split: dict[str, float]) -> str:
    return f"{split['seconds']:.2f} s, the mesh {split['mesh'] * 1000:.0f} ms of it"
