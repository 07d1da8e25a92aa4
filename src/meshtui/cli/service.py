"""`meshtui service`: the runtime as a systemd unit, of this user or of the host."""

from __future__ import annotations

import difflib
import os
import pwd
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from meshcore.errors import EXIT_FAILURE, MeshError, UsageError
from meshcore.home import write_atomically
from meshcore.service.unit import ServiceUnit
from meshtui.cli.context import Session, note, say
from meshtui.cli.group import Group

UNIT_MODE = 0o644
SYSTEMCTL_SECONDS = 60
_SETTINGS = {"MESHTUI_HOME": "home", "MESHTUI_BRIDGE": "bridge", "MESHTUI_AGENT": "agent"}
_VARIABLES = ("MESHTUI_OPERATOR_DIR", "MESHTUI_HOST", "MESHTUI_CONTAINMENT")

_system = click.option("--system", is_flag=True, help="A unit of the host instead of this user's.")
_user = click.option("--user", "account", metavar="NAME", help="With --system: the account it runs as.")
_name = click.option("--name", default="meshtui", show_default=True, help="The unit's name, where there are several.")


@click.group(cls=Group)
def service() -> None:
    """The runtime as a systemd unit: print, install.

    The unit runs `meshtui --no-ui`. Settings given by option or MESHTUI_… variable are written into it; all others
    it finds where you find them.
    """


@service.command("print")
@_system
@_user
@_name
@click.pass_obj
def print_unit(session: Session, system: bool, account: str | None, name: str) -> None:
    """Print the unit."""
    sys.stdout.write(_unit(session, system, account, name).text())


@service.command()
@_system
@_user
@_name
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--now", is_flag=True, help="Then enable and (re)start it with systemctl.")
@click.pass_obj
def install(session: Session, system: bool, account: str | None, name: str, yes: bool, now: bool) -> int:
    """Show what would change, ask, and write the unit; then say what to run next."""
    unit = _unit(session, system, account, name)
    path = unit.path(_config_home())
    if changes := _changes(path, unit.text()):
        say(changes)
        if not yes:
            if not (sys.stdin.isatty() and sys.stdout.isatty()):
                raise UsageError("nothing was written: there is no terminal to ask on; add --yes")
            if not click.confirm(f"write {path}?"):
                return EXIT_FAILURE
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, unit.text().encode(), UNIT_MODE)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}); {_remedy(unit)}") from error
        say(f"written: {path}")
    else:
        say(f"{path} is up to date")
    commands = _next_commands(unit)
    if now:
        return _run(commands)
    say("next:")
    for command in commands:
        say(f"  {shlex.join(command)}")
    for line in _hints(unit):
        say(f"  {line}")
    return 0


def _unit(session: Session, system: bool, account: str | None, name: str) -> ServiceUnit:
    settings = session.settings  # resolved here, so that a wrong one is said now
    if account and not system:
        raise UsageError("--user goes with --system: a user's own unit runs as that user anyway")
    given = {
        variable: settings.bridge.pinned("the unit") if key == "bridge" else str(getattr(settings, key))
        for variable, key in _SETTINGS.items()
        if getattr(session, key) or os.environ.get(variable)
    }
    given |= {variable: os.environ[variable] for variable in _VARIABLES if os.environ.get(variable)}
    if "MESHTUI_OPERATOR_DIR" in given:
        given["MESHTUI_OPERATOR_DIR"] = str(settings.operator)
    words = [*own_program(), *(["--config", str(settings.source)] if session.config else []), "--no-ui"]
    return ServiceUnit(words, given, (_account(account) if system else ""), name)


def own_program() -> list[str]:
    """Return the command line, by absolute paths, that starts this meshtui."""
    script = Path(sys.executable).parent / "meshtui"
    # -P keeps the working folder out of what Python imports.
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-P", "-m", "meshtui"]


def _account(account: str | None) -> str:
    name = account or os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError(f"there is no account {name!r} here; name one with --user") from error
    if found.pw_uid == 0:
        note("it would run as root; name the account whose commands it is to heal with --user")
    return name


def _changes(path: Path, text: str) -> str:
    """Return what installing would change as a unified diff, empty where nothing."""
    try:
        before = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        before = ""
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); look at it first") from error
    names = (str(path) if before else "/dev/null", str(path))
    lines = difflib.unified_diff(before.splitlines(), text.splitlines(), *names, lineterm="")
    return "\n".join(lines)


def _remedy(unit: ServiceUnit) -> str:
    return f"print it with `meshtui service print{' --system' if unit.user else ''}` and put it there yourself"


def _config_home() -> Path:
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".config"


def _next_commands(unit: ServiceUnit) -> list[list[str]]:
    systemctl = ["systemctl"] if unit.user else ["systemctl", "--user"]
    verbs = (["daemon-reload"], ["enable", unit.file_name], ["restart", unit.file_name])
    return [[*systemctl, *verb] for verb in verbs]


def _hints(unit: ServiceUnit) -> list[str]:
    if unit.user:
        return [f"journalctl -fu {unit.name}    # what it does"]
    return [
        "loginctl enable-linger    # so that it runs while you are logged out too",
        f"journalctl --user -fu {unit.name}    # what it does",
    ]


def _run(commands: Sequence[Sequence[str]]) -> int:
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SYSTEMCTL_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MeshError(f"{shlex.join(command)}: {error}; run it by hand") from error
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0]
            raise MeshError(f"{shlex.join(command)}: {reason}; the unit is written, run it by hand")
        say(f"done: {shlex.join(command)}")
    return 0
