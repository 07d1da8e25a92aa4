"""The two checks that come with meshtui, as a program: `python -m meshcore.demo.checks NAME`.

Each works in a throwaway folder and touches nothing of the user's own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from meshcore.bridge.open import old_queries
from meshcore.demo.story import run_demo
from meshcore.errors import EXIT_FAILURE, EXIT_OK, EXIT_USAGE, MeshError
from meshcore.evidence.monitor.checks import CONNECTOR, MULTI_AGENT
from meshcore.model import Json
from meshcore.safety.visible_text import visible

STEP_SECONDS = 60.0


class _CheckFailedError(MeshError):
    """A check found that something does not work."""


def check_connector(root: Path, say: Callable[[str], None]) -> None:
    """Play one agent's round trip: learn, find again, on the bridge, in the skills file. Raises MeshError."""
    bridge = root / "claude_bridge_enhanced.db"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MESHTUI_")},
        "MESHTUI_HOME": str(root / "home"),
        "MESHTUI_OPERATOR_DIR": str(root / "operator"),
        "MESHTUI_BRIDGE": str(bridge),
        "MESHTUI_AGENT": "agent_a_test",
    }

    def ask(*arguments: str) -> Json:
        command = [sys.executable, "-m", "meshtui", *arguments, "--json"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=STEP_SECONDS
        )
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise _CheckFailedError(f"meshtui {arguments[0]}: exit {done.returncode}, {done.stderr.strip()}") from None
        return next(value for name, value in answer.items() if name != "schema_version")

    def expect(true: bool, what: str) -> None:
        if not true:
            raise _CheckFailedError(what)

    error, fix = "ModuleNotFoundError: No module named 'meshtui_check'", "pip install meshtui-check"
    say(f"1. learning: {error} -> {fix}")
    skill_id = ask("learn", "--error", error, "--fix", fix)["skill_id"]
    say(f"   skill {skill_id[:12]}")

    say("2. matching the same error")
    found = ask("match", "--error", error)["matches"]
    expect([match["skill_id"] for match in found[:1]] == [skill_id], "the skill that was learnt is not what matches")
    say(f"   found: {found[0]['why']}")

    (_, broadcast), (_, pending) = old_queries(bridge)
    say(f"3. the bridge: {broadcast} skill broadcast, {pending} pending")
    expect(broadcast == 1, "the skill was not broadcast")

    entries = json.loads((root / "home" / "skills_database.json").read_text("utf-8"))["skills"]
    say(f"4. the skills file: {len(entries)} skill")
    expect([entry["resolution"] for entry in entries] == [fix], "the skills file does not hold the skill")
    say("passed: one agent's round trip works")


def check_multi_agent(root: Path, say: Callable[[str], None]) -> None:
    """Play two agents in homes of their own: one is taught, the other heals, by its rerun. Raises MeshError."""
    story = run_demo(root / "demo", offline=True, say=say)
    say(f"bridge: {story.broadcast} skill broadcast, {story.pending} pending")
    for name, number in story.skills.items():
        say(f"{name}: {number} skill")
    if not story.verified:
        raise _CheckFailedError("the second agent was not healed")
    say("passed: what one agent was taught healed the other, verified by running its command again")


_BUILT_IN = {CONNECTOR: check_connector, MULTI_AGENT: check_multi_agent}


def main(arguments: Sequence[str]) -> int:
    """Run one check by its name; return 0 where everything works, else 1 with one line that says what does not."""
    check = _BUILT_IN.get(arguments[0]) if len(arguments) == 1 else None
    if check is None:
        print(f"name one check: {', '.join(_BUILT_IN)}", file=sys.stderr)
        return EXIT_USAGE
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="meshtui-check-") as folder:
        try:
            check(Path(folder), lambda line: print(visible(line), flush=True))
        except (MeshError, OSError, subprocess.SubprocessError, KeyError, TypeError, IndexError) as error:
            print(visible(f"{arguments[0]}: {error}"), file=sys.stderr)
            return EXIT_FAILURE
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
