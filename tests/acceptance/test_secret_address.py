"""A bridge's URL holds a password: it reaches no output, no file and no command line of ours."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from tests.world import ERROR, Agent, Listener

from meshcore.agents.claude_code import sample

MARK = "M4rkerPassw0rd"
URL = f"postgresql://team:{MARK}@127.0.0.1:1/mesh?sslpassword={MARK}"
SHOWN = "postgresql://team@127.0.0.1:1/mesh"


@pytest.fixture(params=["file", "variable"])
def secret(request: pytest.FixtureRequest, a: Agent) -> Agent:
    """Give an agent whose bridge's address comes from its configuration, or from its environment."""
    del a.environment["MESHTUI_BRIDGE"]
    if request.param == "file":
        a.operator.mkdir(parents=True, exist_ok=True)
        (a.operator / "config.toml").write_text(f'bridge = "{URL}"\n')
    else:
        a.environment["MESHTUI_BRIDGE"] = URL
    return a


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def leaks(*roots: Path) -> list[Path]:
    found = [path for root in roots for path in root.rglob("*") if path.is_file() and path.name != "config.toml"]
    return [path for path in found if MARK.encode() in path.read_bytes()]


def test_no_command_prints_it_and_no_file_holds_it(secret: Agent, tmp_path: Path) -> None:
    secret.learn()
    outputs = [
        said(secret.call(*arguments))
        for arguments in (
            ("status",),
            ("status", "--json"),
            ("doctor",),
            ("doctor", "--json"),
            ("nodes", "list"),
            ("deliveries",),
            ("incidents", "list"),
            ("maintenance",),
            ("monitor", "--iterations", "1", "--skip-tests", "--include-manifest"),
            ("report", "--output", str(tmp_path / "report.html")),
            ("evidence", "export", str(tmp_path / "export")),
            ("connect", "claude-code", "--dry-run"),
            ("shell-init", "bash"),
            ("trust", "rotate"),
        )
    ]
    outputs.append(said(secret.run(*secret.app)))
    payload = sample("python3 app.py", ERROR, str(secret.work), tmp_path, "call-1")
    outputs.append(said(secret.call("hook", "claude-code", stdin=json.dumps(payload))))
    assert SHOWN in outputs[2]
    assert [text for text in outputs if MARK in text] == []
    assert leaks(secret.home, secret.operator, tmp_path / "export", tmp_path / "user") == []


def test_a_runtime_says_that_the_bridge_cannot_be_used_without_it(secret: Agent) -> None:
    with Listener(secret) as listener:
        fault = listener.wait_for("fault")
        assert SHOWN in fault["what"]
        assert MARK not in json.dumps(listener.events)
        command = Path(f"/proc/{listener.process.pid}/cmdline").read_bytes()
        assert MARK.encode() not in command
        assert listener.stop(signal.SIGTERM) == 0
    assert leaks(secret.home) == []


@pytest.mark.parametrize(
    "arguments",
    [("connect", "claude-code", "--yes"), ("shell-init", "bash"), ("service", "print")],
    ids=lambda arguments: str(arguments[0]),
)
def test_what_would_pin_it_refuses_in_one_line_that_says_what_to_do(a: Agent, arguments: tuple[str, ...]) -> None:
    done = a.call("--bridge", URL, *arguments)
    assert done.returncode == 78
    assert done.stdout == ""
    assert SHOWN in done.stderr
    assert "config.toml" in done.stderr
    assert MARK not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert leaks(a.world.root / "user") == []


def test_a_unit_for_an_address_from_the_environment_refuses_it_too(a: Agent) -> None:
    done = a.call("service", "print", env={"MESHTUI_BRIDGE": URL})
    assert (done.returncode, done.stdout, MARK in done.stderr) == (78, "", False)
