"""`meshtui connect --test`: one harmless fix is taught to a home that lives for a moment, and arrives at the agent."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from meshcore.agents.table import program
from meshcore.config import load
from meshcore.errors import EXIT_FAILURE, MeshError
from meshcore.healing.teaching import teach
from meshcore.node import Node
from meshcore.service.connections import fault_of
from meshtui.cli.context import say

ERROR = "ModuleNotFoundError: No module named 'meshtui_test_module'"
FIX = "pip install meshtui-test-module"
TIMEOUT_SECONDS = 60.0


def try_out(agent: str, command: list[str]) -> int:
    """Call an agent's hook twice: at the first call policy is asked as well, the second is what an agent will see.

    Returns the exit code. Raises MeshError where the command cannot be started.
    """
    found = program(agent)
    with tempfile.TemporaryDirectory(prefix="meshtui-test-") as folder:
        place = Path(folder)
        environment = {
            **os.environ,
            "MESHTUI_HOME": str(place / "home"),
            "MESHTUI_OPERATOR_DIR": str(place / "operator"),
            "MESHTUI_BRIDGE": str(place / "bridge.db"),
        }
        with Node(load(environment=environment)) as node:
            teach(node, ERROR, FIX)
        said, seconds = "", 0.0
        for call in ("meshtui-test-1", "meshtui-test-2"):
            sample = found.sample("python3 -c 'import meshtui_test_module'", ERROR, folder, place, call)
            with Node(load(environment=environment)) as node:
                node.store.hook_sessions.forget("9999")  # a session is told of a fix once
            said, seconds = _call(_without_pins(command, agent), sample, environment)
        noted = _noted(Path(environment["MESHTUI_HOME"]))
    say(f"$ {' '.join(command)}   ← a failed command, as {agent} reports it")
    if not getattr(found, "READS_ANSWERS", True):
        say(f"✓ noted in {seconds * 1000:.0f} ms; {agent} reads no answers" if noted else "✗ the failure was not noted")
        return 0 if noted else EXIT_FAILURE
    say(said or "(no answer)")
    if FIX not in said:
        say("✗ the fix did not arrive; see `meshtui doctor`")
        return EXIT_FAILURE
    say(f"✓ the fix arrived in {seconds * 1000:.0f} ms; the home that was used for this is gone again")
    if fault := fault_of(command, os.environ):
        say(f"✗ with the home that it is to use: {fault}")
        return EXIT_FAILURE
    return 0


def _noted(home: Path) -> bool:
    """Tell whether the hook noted the failure."""
    from meshcore.home import Home
    from meshcore.store.store import Store

    store = Store(Home(home).store)
    try:
        return bool(store.incidents.all())
    finally:
        store.close()


def _without_pins(command: list[str], agent: str) -> list[str]:
    """Return a hook's command without a home of its own: the trial has another."""
    return command[: command.index(agent) + 1] if agent in command else command


def _call(command: list[str], payload: object, environment: dict[str, str]) -> tuple[str, float]:
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            input=json.dumps(payload).encode(),
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MeshError(f"{command[0]}: cannot be called ({error}); connect again with this meshtui") from error
    return done.stdout.decode(errors="replace"), time.monotonic() - started
