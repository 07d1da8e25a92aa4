"""What kept a fix from being applied is no evidence against it; what it failed of by itself is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh, taught
from tests.core.healing.test_command import Shell

from meshcore.healing.obstacles import obstacle
from meshcore.model import StepResult

KEPT = [
    (1, "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...: [Errno 111] Refused)'"),
    (
        1,
        "pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.\nERROR: No matching distribution found for x",
    ),
    (1, "ERROR: HTTP error 503 while getting http://127.0.0.1/x.whl\nERROR: Could not install requirement x"),
    (1, "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/usr/lib/python3/x'"),
    (1, "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
    (1, "/srv/app/.venv/bin/python: No module named pip"),
    (100, "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt)"),
    (128, "fatal: Unable to create '/srv/x/.git/index.lock': File exists.\n\nAnother git process seems to be running"),
    (128, "fatal: unable to access 'https://x.invalid/y.git/': Could not resolve host: x.invalid"),
    (1, "npm error code EAI_AGAIN\nnpm error request to https://registry.example/x failed"),
    (1, "npm error code EACCES\nnpm error syscall mkdir"),
    (1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"),
    (1, "mkdir: cannot create directory 'out': Read-only file system"),
    (1, "sudo: a terminal is required to read the password\nsudo: a password is required"),
    (1, "go: module x: dial tcp: lookup proxy.golang.org: no such host"),
    (127, "sh: 1: uv: not found"),
    (124, "collecting x"),
    (137, "Killed"),
]
ITS_OWN = [
    (1, "ERROR: Could not find a version that satisfies the requirement djnago (from versions: none)"),
    (1, "error: subprocess-exited-with-error\nfailed building wheel for x"),
    (1, "npm error code ETARGET\nnpm error notarget No matching version found for left-pad@99"),
    (2, "make: *** No rule to make target 'clean'.  Stop."),
    (1, "cp: cannot stat 'a.example': No such file or directory"),
    (1, "No module named 'requests'"),
    (1, "error: pathspec 'main' did not match any file(s) known to git"),
    (1, ""),
]


def said(code: int, output: str) -> str:
    return obstacle(StepResult(("/v/bin/python", "-m", "pip", "install", "x"), code, 1.0, output), {})


@pytest.mark.parametrize(("code", "output"), KEPT)
def test_what_keeps_a_fix_from_being_applied_is_told(code: int, output: str) -> None:
    assert said(code, output)


@pytest.mark.parametrize(("code", "output"), ITS_OWN)
def test_what_a_fix_fails_of_by_itself_is_its_own(code: int, output: str) -> None:
    assert said(code, output) == ""


def test_no_index_to_ask_is_an_obstacle_and_a_name_that_the_index_lacks_is_none() -> None:
    step = StepResult(("/v/bin/python", "-m", "pip", "install", "x"), 1, 1.0, "ERROR: No matching distribution found")
    assert obstacle(step, {"PIP_NO_INDEX": "1"})
    assert not obstacle(step, {"PIP_NO_INDEX": "0"})


def test_a_fix_that_could_not_be_applied_counts_neither_way_and_shows_its_last_lines(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shell = Shell(mesh, mesh.node("a"), monkeypatch)
    taught(shell.node)
    shell.fix.executor.codes = [1]
    shell.fix.executor.said = "collecting\nconnection refused\n"
    series, lines = shell.fail(1)
    assert series.exit_code == 1
    assert lines[0].startswith("could not be applied: pip install django: it could not reach what it needs")
    assert lines[1:] == ["| collecting", "| connection refused"]
    [incident] = shell.node.store.incidents.all()
    [known] = shell.node.store.skills.all()
    assert (incident.state, known.evidence.failed) == ("not_applied", 0)
    mesh.clock.advance(600)
    assert shell.fail(1)[0].verified
