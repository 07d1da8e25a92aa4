"""Programs that the monitor runs to see whether the mesh still works, and what became of them.

Two come with meshtui, under the names that the old system recorded; `meshcore.demo.checks` is their program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO

from meshcore.config import ConfiguredCheck
from meshcore.model import Json
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import strip_ansi, visible

CONNECTOR = "test_skill_connector.py"
MULTI_AGENT = "test_multi_agent_learning.py"
OUTPUT_BYTES = 16 * 1024  # of each stream, its end
GRACE_SECONDS = 3.0  # between asking a check to end and ending it
HASTY_SECONDS = 0.5  # the same where the monitor itself is to end
LOOK_SECONDS = 0.25  # how often it is asked whether to stop


def built_in() -> tuple[ConfiguredCheck, ...]:
    """Return the checks that come with meshtui."""
    program = (sys.executable, "-m", "meshcore.demo.checks")
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
