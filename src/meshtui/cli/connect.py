"""`meshtui connect` and `disconnect`: an agent program joins, or leaves, with one command."""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from meshcore.agents.hook_settings import (
    PINNED,
    Change,
    HookSettings,
    Scope,
    hook_command,
    is_as_written,
    pins_of,
    shared_command,
    worker_of,
)
from meshcore.agents.table import NAMES, program
from meshcore.config import BridgeAddress
from meshcore.errors import EXIT_FAILURE, ConfigurationError, UsageError
from meshcore.model import Json
from meshcore.safety.managed import managed
from meshcore.service.connections import standing
from meshcore.service.plugins import FOLDER_NAME, PluginStore
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
    """Let an agent program ask the mesh at each failed command: by its plugin, or by hooks where it reads them.

    A program that has plugins installs ours by its own commands, for all of your projects; where that fails, and for
    one project, hooks are written. What others have put there stays as it is, the file is backed up once, and
    `meshtui disconnect` gives it back.
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
    command = shared_command(agent) if scope == "project" else hook_command(agent, _pins(session))
    if scope == "project" and any(session.options.values()):
        raise UsageError("a project's file names nothing of one machine: leave --home and the like out, or use --user")
    before, change = hooks.installed_command(path), hooks.change(path, command)
    if scope == "user":
        made = _by_plugin(session, agent, hooks, path, command, dry_run=dry_run, yes=yes)
        if made is not None:
            return made
    elif hooks.has_plugin():
        say(f"{agent} has meshtui's plugin, whose hooks do the same: nothing was written")
        return 0
    if not change.needed:
        say(f"{agent} is connected already: {path}")
        return 0
    _show_diff(change)
    for line in _differences(before, command, agent) if before else ():
        say(line)
    if dry_run:
        return 0
    if not yes and not _confirmed(f"write {change.file.path}?"):
        say("nothing was written")
        return EXIT_FAILURE
    change.write()
    _welcome(session, agent, hooks, f"written: {path}")
    return 0


def _by_plugin(
    session: Session, agent: str, hooks: HookSettings, path: Path, command: list[str], *, dry_run: bool, yes: bool
) -> int | None:
    """Connect by a plugin, and take our hooks out of the settings; None where settings are to be used."""
    if hooks.plugin is None:
        return None
    there, in_settings = hooks.plugin_command(), hooks.installed_command(path)
    if hooks.has_plugin() and hooks.plugin.is_off():
        raise UsageError(f"{agent}: meshtui's plugin is switched off in {hooks.plugin.off[0]}; switch it on there, "
                         f"or run `meshtui disconnect {agent}`")  # fmt: skip
    is_current = there in (command, shared_command(agent))
    if is_current and in_settings is None:
        say(f"{agent} is connected already, by its plugin: nothing was written")
        return 0
    store = _plugin_store(session, agent, hooks)
    if not is_current:
        say(f"{agent}: asking {hooks.commands[0]} whether it can have plugins …")
        if not store.can():
            _settings_instead(agent, hooks, f"{hooks.commands[0]} is not on PATH, or cannot have plugins")
            return None
        say(f"meshtui's plugin is made in {store.folder}, and {hooks.commands[0]} is told of it:")
        for line in store.commands(hooks.plugin.add):
            say(f"  {line}")
        for line in _differences(there, command, agent) if there else ():
            say(line)
    if in_settings is not None:
        say(f"then our hooks are taken out of {path}: a plugin or settings, never both")
    if dry_run:
        return 0
    if not yes and not _confirmed(f"connect {agent} by its plugin?"):
        say("nothing was changed")
        return EXIT_FAILURE
    if not is_current and (fault := store.install(command, _pins(session))):
        _settings_instead(agent, hooks, fault)
        return None
    if in_settings is not None:
        say(f"{path}: {hooks.disconnect(path)}")
    _welcome(session, agent, hooks, f"its plugin: {hooks.plugin.hooks_file()}")
    return 0


def _settings_instead(agent: str, hooks: HookSettings, why: str) -> None:
    """Say why settings are used. Raises UsageError where a plugin is there all the same: there are never both."""
    if hooks.has_plugin():
        raise UsageError(f"{agent} keeps the plugin that it has: {why}")
    say(f"{why}: its settings are used instead")


def _plugin_store(session: Session, agent: str, hooks: HookSettings) -> PluginStore:
    return PluginStore(agent, hooks, session.settings.home / FOLDER_NAME, os.environ)


def _real(path: Path) -> Path:
    """Return the file that is behind any link on the way to it, named: a project may lead somewhere else with one."""
    real = Path(os.path.realpath(path))
    if real != path:
        say(f"{path} leads through a link to {real}: that file is the one to be changed")
    return real


def _pins(session: Session) -> dict[str, str]:
    """Return what was chosen for this call, by options or variables: hooks use that, whatever environment they have."""
    settings, env = session.settings, os.environ
    chosen = {
        "MESHTUI_HOME": session.home or env.get("MESHTUI_HOME") or env.get("XDG_DATA_HOME") or session.config,
        "MESHTUI_OPERATOR_DIR": env.get("MESHTUI_OPERATOR_DIR") or env.get("XDG_CONFIG_HOME"),
        "MESHTUI_BRIDGE": session.bridge or env.get("MESHTUI_BRIDGE") or session.config,
        "MESHTUI_AGENT": session.agent or env.get("MESHTUI_AGENT"),
        "MESHTUI_HOST": env.get("MESHTUI_HOST"),
    }
    if session.bridge:
        BridgeAddress.parse(session.bridge).pinned("the agent's settings")
    elif settings.bridge.is_secret:
        chosen["MESHTUI_BRIDGE"] = None
        say(f"{settings.bridge.shown}: not written into the agent's settings, since it holds a secret")
    values = {
        "MESHTUI_HOME": str(settings.home),
        "MESHTUI_OPERATOR_DIR": str(settings.operator),
        "MESHTUI_BRIDGE": settings.bridge.url,
        "MESHTUI_AGENT": settings.agent,
        "MESHTUI_HOST": settings.host,
    }
    return {name: value for name, value in values.items() if chosen[name]}


def _differences(before: list[str], after: list[str], agent: str) -> Iterator[str]:
    """Yield in words what changes for the hooks of an agent that is connected already."""
    old, new = pins_of(before, agent), pins_of(after, agent)
    for name, what in PINNED.items():
        if old.get(name) != new.get(name):
            yield f"{what}: {old.get(name, 'as the agent finds it')} → {new.get(name, 'as the agent finds it')}"
    if worker_of(before)[0] != worker_of(after)[0]:
        yield f"called: {worker_of(before)[0]} → {worker_of(after)[0]}"


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


def _welcome(session: Session, agent: str, hooks: HookSettings, done: str) -> None:
    settings = session.settings
    say(f"\n✓ {agent}@{settings.host} is a member of this node ({settings.agent})")
    say(f"  {done}")
    if not hooks.installed(os.environ):
        say(f"  {hooks.commands[0]} itself was not found on PATH; it will join when it is there")
    say(f"  left to do: {hooks.afterwards}")
    if hooks.permission:
        say("  in mode auto an answer names `meshtui heal ID`, which does what your policy runs unattended, no more;")
        heal = hooks.permission.replace("meshtui heal", _heal_of(session))
        say(f"  to let {agent} run that unasked, add the one rule: {heal}")
    say(f"  see a fix arrive: meshtui connect --test {agent}")
    if importlib.util.find_spec("meshtui.cli.service") is not None:
        say("  hear others at once: meshtui service install --now")
    _show_history(agent)


def _heal_of(session: Session) -> str:
    """Return how the command begins that an answer names, for an agent that has the environment of this call."""
    settings = session.settings
    options = f"--home {settings.home} " if session.home else ""
    options += f"--bridge {settings.bridge.shown} " if session.bridge else ""
    return f"meshtui {options}heal"


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
        "user": standing(agent, hooks, "user", Path.cwd(), os.environ),
        "project": standing(agent, hooks, "project", Path.cwd(), os.environ),
        "called": called,
    }


# --- letting one fix arrive -------------------------------------------------------------------------------------------


def _try_out(session: Session, agent: str) -> int:
    """Call the hook as the agent would, in a home of its own that knows one harmless fix."""
    from meshtui.cli.connect_trial import try_out

    command = _installed(agent)
    if command is None:
        say(f"{agent} is not connected yet: this is the command that `meshtui connect {agent}` writes")
        command = hook_command(agent, _pins(session))
    return try_out(agent, command)


def _installed(agent: str) -> list[str] | None:
    """Return the installed command; that of a project only where it is what we would write: anybody can have."""
    hooks = program(agent).hooks(os.environ)
    if (called := hooks.plugin_command()) is not None:
        return called
    project = hooks.installed_command(hooks.path("project", Path.cwd())) if hooks.project_file else None
    if project is not None and is_as_written(project, agent):
        return project
    return hooks.installed_command(hooks.path("user", Path.cwd()))


@click.command()
@_agent
@_user
@_project
@click.option("--all", "everywhere", is_flag=True, help="Every agent, for you and for the project in this folder.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def disconnect(session: Session, agent: str | None, scope: Scope, everywhere: bool, yes: bool) -> int:
    """Take meshtui's plugin, or its hooks in an agent's settings, out again; what is others' stays.

    `--all` before meshtui is uninstalled.
    """
    if (agent is None) != everywhere:
        raise UsageError(f"name one agent: {', '.join(NAMES)}; or --all alone")
    found, plugins = {}, {}
    for name in NAMES if agent is None else (agent,):
        hooks = program(name).hooks(os.environ)
        scopes: tuple[Scope, ...] = (scope,)
        if everywhere:
            scopes = ("user", "project") if hooks.project_file else ("user",)
        if "user" in scopes and hooks.has_plugin():
            plugins[name] = _plugin_store(session, name, hooks)
        for path in {_real(hooks.path(one, Path.cwd())): None for one in scopes}:
            try:
                if hooks.installed_command(path) is not None:
                    found[path] = hooks
                elif not everywhere and name not in plugins:
                    say(f"{name} is not connected: {path}")
            except ConfigurationError as error:
                if not everywhere:
                    raise
                say(str(error))
    if everywhere and not found and not plugins:
        say("no agent is connected, for you or in this folder")
    places = [*map(str, found), *(f"the plugins of {name}" for name in plugins)]
    if places and not yes and not _confirmed(f"take meshtui out of {', '.join(places)}?"):
        say("nothing was changed")
        return EXIT_FAILURE
    for path, hooks in found.items():
        say(f"{path}: {hooks.disconnect(path)}")
    faults = {name: store.remove() for name, store in plugins.items()}
    for name, fault in faults.items():
        say(f"{name}: its plugin is not removed: {fault}" if fault else f"{name}: its plugin is removed")
    return EXIT_FAILURE if any(faults.values()) else 0
