"""Is each installed hook sound? A broken one keeps quiet, so each is called once with an event that says nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from meshcore.agents.hook_settings import (
    LIMIT_SECONDS,
    HookSettings,
    Scope,
    is_as_written,
    is_fail_open,
    worker_of,
)
from meshcore.errors import ConfigurationError
from meshcore.hook.main import CHECK, CHECKED
from meshcore.safety.visible_text import visible

CONNECTED, NOT_CONNECTED, BY_PLUGIN = "connected", "no", "by its plugin"
_AGAIN = "connect again"


def standing(agent: str, hooks: HookSettings, scope: Scope, project: Path, environment: Mapping[str, str]) -> str:
    """Say how an agent's file stands: `CONNECTED`, `NOT_CONNECTED`, or in words what is wrong with it or its hook.

    What a project's file names is called only where it is what this installation would write: anybody can have
    written it.
    """
    if scope == "project" and not hooks.project_file:
        return NOT_CONNECTED
    try:
        command = hooks.installed_command(hooks.path(scope, project))
    except ConfigurationError:
        return "cannot be read"
    if hooks.plugin is not None and hooks.has_plugin() and scope == "user":
        if command is not None:
            return f"plugin and settings both: {_AGAIN}"
        if hooks.plugin.is_off():
            return "its plugin is switched off in the program"
        called = hooks.plugin_command()
        return (fault_of(called, environment) if called else f"its plugin has no hooks: {_AGAIN}") or BY_PLUGIN
    if command is None:
        return NOT_CONNECTED
    if scope == "project" and not is_as_written(command, agent):
        return f"its command is not what this meshtui writes, and was not called: {_AGAIN} with --project"
    return fault_of(command, environment) or CONNECTED


def fault_of(command: list[str], environment: Mapping[str, str]) -> str:
    """Call an installed command with `CHECK`; return what is wrong with it in words, "" where nothing is."""
    worker = worker_of(command)
    for path in worker[:1] + [word for word in worker if word.endswith(".py")]:
        if os.path.isabs(path) and not Path(path).exists():  # noqa: PTH117
            return f"{path} is gone: {_AGAIN}"
    if "/" not in worker[0] and shutil.which(worker[0], path=environment.get("PATH")) is None:
        return f"{worker[0]} is not on PATH"
    try:
        done = subprocess.run(
            command,
            input=CHECK,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"its command hangs: {_AGAIN}"
    except OSError as error:
        return f"its command cannot be started ({error.strerror}): {_AGAIN}"
    said = visible(done.stdout.decode(errors="replace"), keep_newlines=False, limit=300)
    if not said.startswith(CHECKED):
        return f"its command says nothing when it is called: {_AGAIN}"
    if fault := said.removeprefix(CHECKED).strip():
        return fault
    return "" if is_fail_open(command) else f"its command is of an older form, which stops the agent: {_AGAIN}"
