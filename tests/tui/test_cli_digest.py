"""`meshtui digest` as a process: what an operator reads of what was told."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from tests.world import Agent

import meshcore

STUB = Path(meshcore.__file__).parent / "hookstart.py"


def hook(a: Agent, session: str, command: str, error: str = "") -> str:
    """Let the installed hook be told how a command ended."""
    body = {
        "session_id": session, "cwd": str(a.work), "tool_name": "Bash", "tool_input": {"command": command},
        "tool_use_id": f"{session}{command}",
        **(
            {"hook_event_name": "PostToolUseFailure", "error": f"Exit code 1\n{error}", "is_interrupt": False}
            if error
            else {"hook_event_name": "PostToolUse", "tool_response": {"stdout": "", "stderr": "", "interrupted": False}}
        ),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(STUB), "claude-code"], input=json.dumps(body).encode(), env=a.environment,
        capture_output=True, check=True, cwd=a.work,
    )  # fmt: skip
    return done.stdout.decode()


def test_an_empty_home_says_what_to_do_next(a: Agent) -> None:
    done = a.call("digest")
    assert done.returncode == 0 and "meshtui connect" in done.stdout


def test_what_hooks_told_and_what_that_cost_is_in_the_digest(a: Agent) -> None:
    (a.work / "package.json").touch()
    for session in ("one", "two"):
        said = hook(a, session, "frob run", "error: unrecognized subcommand 'run'")
    assert "failed here the same way in 1 earlier session" in said
    hook(a, "two", "frob run")
    found = a.ask("digest")
    assert found["kinds"]["habit after"] == {
        "told": 1, "right": 0, "ignored": 0, "wrong": 1, "not_shown": 0, "to": {"claude-code": 1}
    }  # fmt: skip
    assert found["calls"] == 3 and found["cost_ms"][0]["p50"] > 0
    assert [one["root"] for one in found["projects"]] == [str(a.work)]
    lines = a.call("digest").stdout.splitlines()
    assert "habit after\t1\t0 (0)\t0 (0)\t1 (33.33)\t0\tclaude-code 1" in lines
    assert any(line.startswith("Saved: not measured; `[effect] withhold = 0.2`") for line in lines)


def test_what_a_run_was_told_is_counted_apart_and_claims_no_rate(a: Agent) -> None:
    line = f"{shlex.join(a.command('run', '--', 'ls', '--nosuch'))}; true"
    for _ in range(2):  # a session is all that one shell runs
        subprocess.run(["/bin/sh", "-c", line], env=a.environment, cwd=a.work, capture_output=True, check=True)
    assert a.ask("digest")["kinds"]["habit after"]["to"] == {"run": 1}
    assert "Told 1 times, and no hook has counted a command yet." in a.call("digest").stdout


def test_the_report_of_a_node_holds_the_figures_of_its_digest(a: Agent) -> None:
    (a.work / "package.json").touch()
    for session in ("one", "two"):
        hook(a, session, "frob run", "error: unrecognized subcommand 'run'")
    report = json.loads(a.call("report", "--format", "json").stdout)["report"]
    kinds, places, costs, _ = report["sections"]["told"]["tables"].values()
    assert kinds["rows"] == [["habit after", 1, 0, 0, 0, 1, 0.0]]
    assert [row[0] for row in places["rows"]] == [str(a.work)] and costs["rows"][0][:2] == ["claude-code", "had ended"]
    [wall] = report["sections"]["unsolved"]["tables"]["unsolved"]["rows"]
    assert wall[:5] == ["frob run", str(a.work), 1, 2, 2] and "unrecognized" not in json.dumps(wall)
    for form in ("html", "md", "csv"):
        assert "habit after" in a.call("report", "--format", form).stdout
    assert "habit after" not in a.call("report", "--format", "md", "--since", "2090-01-01").stdout


def test_a_time_that_is_none_is_named(a: Agent) -> None:
    done = a.call("digest", "--since", "yesterdayish")
    assert done.returncode == 2 and "yesterdayish" in done.stderr and "Traceback" not in done.stderr


def test_what_auto_would_have_run_is_known_from_a_real_run(a: Agent) -> None:
    a.learn()
    a.run(*a.app, mode="hint")
    assert a.ask("digest")["auto"] == {"would_run": 1, "by_hand": 0, "judged": 1}
    a.run(*a.app, mode="auto")
    assert a.ask("digest")["auto"] == {"would_run": 1, "by_hand": 0, "judged": 2}
