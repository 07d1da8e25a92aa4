"""Programs that the monitor runs to see whether the mesh still works, and what became of them.

Two come with meshtui, under the names that the old system recorded; each is a program of its own:
`python -m meshcore.evidence.monitor.checks NAME`. They work in throwaway folders and touch nothing of the user's own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from meshcore.config import ConfiguredCheck
from meshcore.errors import EXIT_FAILURE, EXIT_OK, EXIT_USAGE, MeshError
from meshcore.model import Json
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import strip_ansi, visible

CONNECTOR = "test_skill_connector.py"
MULTI_AGENT = "test_multi_agent_learning.py"
OUTPUT_BYTES = 16 * 1024  # of each stream, its end
STEP_SECONDS = 60.0
GRACE_SECONDS = 3.0  # between asking a check to end and ending it
HASTY_SECONDS = 0.5  # the same where the monitor itself is to end
LOOK_SECONDS = 0.25  # how often it is asked whether to stop


def built_in() -> tuple[ConfiguredCheck, ...]:
    """Return the checks that come with meshtui."""
    program = (sys.executable, "-m", "meshcore.evidence.monitor.checks")
    return tuple(ConfiguredCheck(name, (*program, name)) for name in (CONNECTOR, MULTI_AGENT))


def never() -> bool:
    """Say that nobody wants an end."""
    return False


def run_check(check: ConfiguredCheck, stopped: Callable[[], bool] = never) -> dict[str, Json]:
    """Run one check to its end; return its entry for the record: script, status, stdout, stderr, returncode.

    Status is passed, failed, error (not started, or ended after its timeout or because `stopped` said so) or missing
    (no such program).
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            code, reason = _run(check, out, err, stopped), ""
        except FileNotFoundError as error:
            return _entry(check, "missing", "", f"{error.filename}: no such program", None)
        except subprocess.TimeoutExpired:
            code, reason = None, f"ended after {check.timeout:g} s\n"
        except _StoppedError:
            code, reason = None, "ended because the monitor stops\n"
        except OSError as error:
            return _entry(check, "error", "", f"not started: {error.strerror}", None)
        status = "error" if code is None else "failed" if code else "passed"
        return _entry(check, status, _end_of(out), reason + _end_of(err), code)


class _StoppedError(Exception):
    """Somebody wants the monitor to end now."""


def _run(check: ConfiguredCheck, out: IO[bytes], err: IO[bytes], stopped: Callable[[], bool]) -> int:
    # Files, not pipes: a program that a check leaves behind keeps nobody waiting.
    process = subprocess.Popen(
        check.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True, close_fds=True
    )
    try:
        return _wait(process, check.timeout, stopped)
    except BaseException as error:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(HASTY_SECONDS if isinstance(error, _StoppedError) else GRACE_SECONDS)
        raise
    finally:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float, stopped: Callable[[], bool]) -> int:
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        try:
            return process.wait(max(0.0, min(left, LOOK_SECONDS)))
        except subprocess.TimeoutExpired:
            if stopped():
                raise _StoppedError from None
            if left <= LOOK_SECONDS:
                raise


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end_of(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - OUTPUT_BYTES))
    text = file.read(OUTPUT_BYTES).decode("utf-8", "replace")
    left_out = f"[{size - OUTPUT_BYTES} bytes left out]\n" if size > OUTPUT_BYTES else ""
    return left_out + visible(redact(strip_ansi(text))).strip()


def _entry(check: ConfiguredCheck, status: str, stdout: str, stderr: str, code: int | None) -> dict[str, Json]:
    return {"script": check.name, "status": status, "stdout": stdout, "stderr": stderr.strip(), "returncode": code}


def summary(tests: Iterable[Mapping[str, Json]]) -> dict[str, int]:
    """Return the counts of checks by what became of them, as the record holds them."""
    states = [test["status"] for test in tests]
    return {
        "total": len(states),
        "passed": states.count("passed"),
        "failed": states.count("failed"),
        "errors": states.count("error"),
        "missing": states.count("missing"),
    }


# --- the two checks of our own ----------------------------------------------------------------------------------------


class _CheckFailedError(MeshError):
    """A check found that something does not work."""


def check_connector(root: Path, say: Callable[[str], None]) -> None:
    """One agent's round trip: learn, find again, on the bridge, in the skills file. Raises MeshError."""
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

    from meshcore.demo.story import old_queries

    broadcast, pending = old_queries(bridge)
    say(f"3. the bridge: {broadcast} skill broadcast, {pending} pending")
    expect(broadcast == 1, "the skill was not broadcast")

    entries = json.loads((root / "home" / "skills_database.json").read_text("utf-8"))["skills"]
    say(f"4. the skills file: {len(entries)} skill")
    expect([entry["resolution"] for entry in entries] == [fix], "the skills file does not hold the skill")
    say("passed: one agent's round trip works")


def check_multi_agent(root: Path, say: Callable[[str], None]) -> None:
    """Two agents in homes of their own: one is taught, the other heals, verified by its rerun. Raises MeshError."""
    from meshcore.demo.story import run_demo

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
