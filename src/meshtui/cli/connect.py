"""`meshtui connect` and `disconnect`: an agent program joins, or leaves, with one command."""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from meshcore.agents.hook_settings import Change, HookSettings, Scope, hook_command
from meshcore.agents.table import NAMES, program
from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.model import Json
from meshcore.safety.managed import managed
from meshcore.service.connections import standing
from meshtui.cli.context import Session, json_option, print_json, say, table

_user = click.option("--user", "scope", flag_value="user", default="user", help="For all of your projects (default).")
_project = click.option("--project", "scope", flag_value="project", help="For the project in this folder only.")
_agent = click.argument("agent", type=click.Choice(NAMES), required=False)


@click.command()
@_agent
@_user
@_project
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--list", "listing", is_flag=True, help="Which agents are installed, connected, and were heard of when.")
@click.option(
    "--test", "trial", is_flag=True, help="Let one fix arrive, through the command that the agent would call."
)
@json_option
@click.pass_obj
def connect(
    session: Session,
    agent: str | None,
    scope: Scope,
    dry_run: bool,
    yes: bool,
    listing: bool,
    trial: bool,
    as_json: bool,
) -> int:
    """Let an agent program ask the mesh at each failed command: its hooks are written where it reads them.

    What others have put there stays as it is, the file is backed up once, and `meshtui disconnect` gives it back.
    A fix that is known comes to the agent as a suggestion; `meshtui mode --via AGENT auto` lets policy apply it.
    """
    if listing:
        _show_list(session, as_json)
        return 0
    if agent is None:
        raise UsageError(f"name an agent: {', '.join(NAMES)}; or --list")
    if why := managed().why_not_agent(agent):
        raise UsageError(f"{why}; ask whoever runs this host")
    if trial:
        return _try_out(session, agent)
    hooks = program(agent).hooks(os.environ)
    path = _real(hooks.path(scope, Path.cwd()))
    change = hooks.change(path, _command(session, agent))
    if not change.needed:
        say(f"{agent} is connected already: {path}")
        return 0
    _show_diff(change)
    if dry_run:
        return 0
    if not yes and not _confirmed(f"write {change.file.path}?"):
        say("nothing was written")
        return EXIT_FAILURE
    change.write()
    _welcome(session, agent, hooks, path)
    return 0


def _real(path: Path) -> Path:
    """Return the file that is behind any link on the way to it, named: a project may lead somewhere else with one."""
    real = Path(os.path.realpath(path))
    if real != path:
        say(f"{path} leads through a link to {real}: that file is the one to be changed")
    return real


def _command(session: Session, agent: str) -> list[str]:
    return hook_command(agent, session.home, session.bridge)


def _show_diff(change: Change) -> None:
    name = str(change.file.path)
    before = (change.file.text or "").splitlines()
    for line in difflib.unified_diff(before, change.after.splitlines(), name, name, n=2, lineterm=""):
        say(line)


def _confirmed(question: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("nobody is there to be asked; look with --dry-run, then add --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _welcome(session: Session, agent: str, hooks: HookSettings, path: Path) -> None:
    settings = session.settings
    say(f"\n✓ {agent}@{settings.host} is a member of this node ({settings.agent})")
    say(f"  written: {path}")
    if not hooks.installed(os.environ):
        say(f"  {hooks.commands[0]} itself was not found on PATH; it will join when it is there")
    say(f"  left to do: {hooks.afterwards}")
    if hooks.permission:
        say("  in mode auto an answer names `meshtui heal ID`, which does what your policy runs unattended, no more;")
        say(f"  to let {agent} run that unasked, add the one rule: {hooks.permission}")
    say(f"  see a fix arrive: meshtui connect --test {agent}")
    if importlib.util.find_spec("meshtui.cli.service") is not None:
        say("  hear others at once: meshtui service install --now")
    _show_history(agent)


def _show_history(agent: str) -> None:
    """Show what the agent's own past would teach, where its session files can be read; nothing is written."""
    if importlib.util.find_spec("meshcore.knowledge.history") is None:
        return
    history = importlib.import_module("meshcore.knowledge.history")
    try:
        found = history.preview(agent)
    except KeyError:
        return
    if found.sessions:
        say(f"  its past: {found.sentence()}; import: meshtui import history {agent}")


def _show_list(session: Session, as_json: bool) -> None:
    rows = [_state(session, agent) for agent in NAMES]
    if as_json:
        print_json("connections", rows)
        return
    columns = ("agent", "installed", "user", "project", "hook last called")
    cells = [(r["agent"], r["installed"] or "-", r["user"], r["project"], r["called"] or "never") for r in rows]
    table(columns, cells, spare=("installed",))


def _state(session: Session, agent: str) -> dict[str, Json]:
    try:
        mark = session.settings.home / "state" / f"hook.{agent}"
        called = datetime.fromtimestamp(mark.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except OSError:
        called = ""
    hooks = program(agent).hooks(os.environ)
    return {
        "agent": agent,
        "installed": hooks.installed(os.environ),
        "user": standing(hooks, "user", Path.cwd(), os.environ),
        "project": standing(hooks, "project", Path.cwd(), os.environ),
        "called": called,
    }


# --- letting one fix arrive -------------------------------------------------------------------------------------------


def _try_out(session: Session, agent: str) -> int:
    """Call the hook as the agent would, in a home of its own that knows one harmless fix."""
    from meshtui.cli.connect_trial import try_out

    command = _installed(agent) or _command(session, agent)
    return try_out(agent, command)


def _installed(agent: str) -> list[str] | None:
    hooks = program(agent).hooks(os.environ)
    project = hooks.project_file and hooks.installed_command(hooks.path("project", Path.cwd()))
    return project or hooks.installed_command(hooks.path("user", Path.cwd()))


@click.command()
@_agent
@_user
@_project
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def disconnect(session: Session, agent: str | None, scope: Scope, yes: bool) -> int:
    """Take meshtui's hooks out of an agent's settings again; those of others stay."""
    if agent is None:
        raise UsageError(f"name an agent: {', '.join(NAMES)}")
    hooks = program(agent).hooks(os.environ)
    path = _real(hooks.path(scope, Path.cwd()))
    if hooks.installed_command(path) is None:
        say(f"{agent} is not connected: {path}")
        return 0
    if not yes and not _confirmed(f"take meshtui's hooks out of {path}?"):
        say("nothing was changed")
        return EXIT_FAILURE
    say(f"{path}: {hooks.disconnect(path)}")
    return 0
