"""What hooks add to one tool call of an agent: `python -m benchmarks.tool_calls` prints JSON, milliseconds.

A call costs all the hooks that the program waits for: Claude Code asks before and after a command, Codex and Gemini
after it. Whole processes, as each program starts them, on a store that was lived with: ten thousand skills, a project
with twenty thousand commands that are known to fail, sessions in which something is open. Once one agent alone, then
eight sub-agents that call at the same time. Without meshtui a call adds nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.hook import CASE, payload
from benchmarks.known import fill as fill_known
from benchmarks.match_speed import error, fill, name_of
from meshcore.agents.hook_settings import hook_command
from meshcore.agents.table import program
from meshcore.store.store import Store

AGENTS = ("claude-code", "codex", "gemini")
GOALS = {"success": (40.0, 80.0), "known failure": (60.0, 120.0)}  # p50, p95
SUB_AGENTS = 8
TEXT, _, FIX = error(0, name_of(CASE))


class Desk:
    """One home that was lived with, and the payloads of commands in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.work = root, root / "work"
        self.work.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=self.work, check=True)
        home = root / "home"
        home.mkdir(0o700)
        fill(home / "store.db", 10_000).close()
        with sqlite3.connect(home / "store.db") as database:
            database.execute("UPDATE skills SET own_operator=1, confirmed=1")
        database.close()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "MESHTUI_HOME": str(home),
            "MESHTUI_OPERATOR_DIR": str(root / "operator"),
            "MESHTUI_BRIDGE": str(root / "bridge.db"),
        }
        fill_known(home / "store.db", str(self.work), 20_000, self.environment, marks=True)
        self._number = 0
        self._lock = threading.Lock()

    def calls(self, agent: str, kind: str) -> list[bytes]:
        """Return what the hooks that are waited for read at one tool call; each is of another session."""
        with self._lock:
            self._number += 1
            number = self._number
        failed, command = kind != "success", f"make target{number % 50}"
        if agent == "claude-code":
            body = json.loads(payload(number, TEXT if failed else "done", command, failed=failed))
            body |= {"cwd": str(self.work), "session_id": f"s{number}"}
            before = {key: body[key] for key in ("session_id", "cwd", "tool_name", "tool_input", "tool_use_id")}
            found: list[Mapping[str, Any]] = [before | {"hook_event_name": "PreToolUse"}, body]
        else:
            sample = program(agent).sample(command, TEXT, str(self.work), self.root, f"call-{number}")
            if not failed and agent == "codex":
                rollout = Path(str(sample["transcript_path"]))
                rollout.write_text(rollout.read_text().replace('"exit_code": 1', '"exit_code": 0'))
            said = json.dumps(sample).replace("meshtui-sample", f"s{number}")
            found = [json.loads(said if failed else said.replace("Exit Code: 1", ""))]
        return [json.dumps(one).encode() for one in found]

    def run(self, agent: str, kind: str) -> tuple[float, bool]:
        """Let one tool call be reported; return how long that took, in ms, and whether it was as it should be."""
        payloads = self.calls(agent, kind)
        command = ["/bin/sh", "-c", shlex.join(hook_command(agent))]  # as programs run a hook's text
        before, said = time.perf_counter(), ""
        for data in payloads:
            said = subprocess.run(
                command, input=data, env=self.environment, stdout=subprocess.PIPE, check=True
            ).stdout.decode()
        took = (time.perf_counter() - before) * 1000
        return took, (FIX in said) if kind == "known failure" else not said


def figures(taken: list[tuple[float, bool]], goal: tuple[float, float] | None = None) -> dict[str, Any]:
    """Return p50 and p95 with how many were not as they should be."""
    values = sorted(ms for ms, _ in taken)
    found = {f"p{at}_ms": round(values[min(len(values) - 1, len(values) * at // 100)], 1) for at in (50, 95)}
    found["wrong"] = sum(not right for _, right in taken)
    return found | (dict(zip(("goal_p50_ms", "goal_p95_ms"), goal, strict=True)) if goal else {})


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="tool calls of each kind")
    rounds = parser.parse_args().rounds
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for agent in AGENTS:
            for kind in GOALS:
                for _ in range(3):  # bytecode, what is kept of it, and the verdict of policy
                    desk.run(agent, kind)
        store = Store(desk.root / "home" / "store.db")
        store.state.set(pulled=store.now())  # a runtime looks at the bridge
        store.close()
        alone: dict[tuple[str, str], list[tuple[float, bool]]] = {(a, k): [] for a in AGENTS for k in GOALS}
        bare: list[tuple[float, bool]] = []
        for _ in range(rounds):
            before = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            bare.append(((time.perf_counter() - before) * 1000, True))
            for (agent, kind), taken in alone.items():
                taken.append(desk.run(agent, kind))
        found["bare python, for comparison"] = figures(bare)
        for agent in AGENTS:
            found[agent] = {kind: figures(alone[agent, kind], goal) for kind, goal in GOALS.items()}
        for agent in AGENTS:
            for kind in GOALS:
                together: list[tuple[float, bool]] = []

                def work(agent: str = agent, kind: str = kind, into: list[tuple[float, bool]] = together) -> None:
                    for _ in range(max(1, rounds // SUB_AGENTS)):
                        into.append(desk.run(agent, kind))

                threads = [threading.Thread(target=work) for _ in range(SUB_AGENTS)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                found[agent][f"{kind}, {SUB_AGENTS} sub-agents at once"] = figures(together)
    print(json.dumps(found | {"cores": os.cpu_count(), "rounds": rounds}, indent=1))


if __name__ == "__main__":
    main()
