"""HALT is written before anything is opened, and nothing goes on without having read it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.world import FIX, Agent, wait_for

from meshcore.control import decisions
from meshcore.errors import ConfigurationError
from meshcore.exchange import receive
from meshcore.healing import ruling
from meshcore.healing.executor import Executor
from meshcore.policy.question import PlannedStep
from meshcore.process.sandbox import Containment
from meshcore.safety import halt as switch
from meshcore.testing import FakeClock
from meshtui.__main__ import run
from meshtui.cli import halt as command


def nothing(agent: Agent) -> None:
    agent.learn()


def home_is_missing(agent: Agent) -> None:
    shutil.rmtree(agent.home, ignore_errors=True)


def home_is_a_file(agent: Agent) -> None:
    agent.home.write_text("")


def home_cannot_be_made(agent: Agent) -> None:
    agent.environment["MESHTUI_HOME"] = "/proc/nowhere"


def store_is_damaged(agent: Agent) -> None:
    agent.learn()
    (agent.home / "store.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)


def store_is_of_a_newer_version(agent: Agent) -> None:
    agent.learn()
    database = sqlite3.connect(agent.home / "store.db")
    database.execute("PRAGMA user_version=999")
    database.close()


def key_is_damaged(agent: Agent) -> None:
    agent.learn()
    (agent.home / "node.key").write_text("none")


def config_is_broken(agent: Agent) -> None:
    agent.operator.mkdir()
    (agent.operator / "config.toml").write_text("mode = [")


def operator_folder_is_missing(agent: Agent) -> None:
    shutil.rmtree(agent.operator, ignore_errors=True)


def bridge_is_a_folder(agent: Agent) -> None:
    (agent.world.root / "odd").mkdir()
    agent.environment["MESHTUI_BRIDGE"] = str(agent.world.root / "odd")


def bridge_is_a_pipe(agent: Agent) -> None:
    os.mkfifo(agent.world.root / "pipe")
    agent.environment["MESHTUI_BRIDGE"] = str(agent.world.root / "pipe")


def bridge_has_no_address(agent: Agent) -> None:
    agent.environment["MESHTUI_BRIDGE"] = "nowhere://x/y"


FAULTS: tuple[Callable[[Agent], None], ...] = (
    nothing,
    home_is_missing,
    home_is_a_file,
    home_cannot_be_made,
    store_is_damaged,
    store_is_of_a_newer_version,
    key_is_damaged,
    config_is_broken,
    operator_folder_is_missing,
    bridge_is_a_folder,
    bridge_is_a_pipe,
    bridge_has_no_address,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.replace("_", " "))
def test_a_halt_is_written_whatever_is_wrong(a: Agent, fault: Callable[[Agent], None]) -> None:
    fault(a)
    done = a.call("halt", "a drill")
    assert switch.halted(a.operator) == "a drill"
    assert done.stdout.startswith("halted: a drill"), done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "were not told" in done.stderr


def test_a_full_disk_of_the_home_keeps_nobody_from_halting(a: Agent, small_disk: Path) -> None:
    a.environment["MESHTUI_HOME"] = str(small_disk / "home")
    with (small_disk / "ballast").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(b"x" * 4096) == 4096:
            pass
    done = a.call("halt", "a drill")
    assert done.stdout.startswith("halted: a drill") and switch.halted(a.operator) == "a drill"


def test_a_full_disk_of_the_operator_s_folder_keeps_nobody_from_halting(a: Agent, small_disk: Path) -> None:
    a.environment["MESHTUI_OPERATOR_DIR"] = str(small_disk)
    a.learn()
    with (small_disk / "ballast").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(b"x" * 4096) == 4096:
            pass
    assert a.call("halt", "a drill").stdout.startswith("halted")
    assert switch.halted(small_disk)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPERATOR_DIR", "HOME"):
        monkeypatch.setenv(f"MESHTUI_{name}", str(tmp_path / name))
    monkeypatch.setenv("MESHTUI_BRIDGE", str(tmp_path / "bridge.db"))
    return tmp_path / "OPERATOR_DIR"


def test_a_bridge_that_does_not_answer_is_not_waited_for(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = threading.Event()

    def hang(*_: object) -> None:
        answer.wait()

    monkeypatch.setattr(receive, "exchange", hang)
    monkeypatch.setattr(command, "TELL_SECONDS", 0.2)
    assert run(["halt", "a drill"]) == 1
    answer.set()
    said = capsys.readouterr()
    assert said.out.startswith("halted: a drill") and "were not told: no answer within" in said.err
    assert switch.halted(mine) == "a drill"


def test_where_the_file_cannot_be_written_the_store_halts_and_that_is_said(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise ConfigurationError("HALT: cannot be made (No space left); the mesh is NOT halted: end its processes")

    assert run(["status"]) == 0
    monkeypatch.setattr(command, "write_halt", full)
    monkeypatch.setattr(decisions, "write_halt", full)
    assert run(["halt", "a drill"]) == 78
    said = capsys.readouterr().err
    assert "NOT halted" in said and said.strip().endswith("is halted, by its store")
    assert run(["status", "--json"]) == 0
    assert '"halted": "a drill"' in capsys.readouterr().out
    assert run(["resume"]) == 0
    assert run(["status", "--json"]) == 0
    assert '"halted": ""' in capsys.readouterr().out


# --- nothing goes on without having read it ---------------------------------------------------------------------------

ERRORS = (
    *(errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ELOOP, errno.ENOTDIR, errno.ENOMEM, errno.ESTALE),
    *(errno.EPERM, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT, errno.EROFS, errno.ENAMETOOLONG),
)


@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["open", "fstat"])
def test_a_halt_that_cannot_be_read_halts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    switch.halt(tmp_path, "a drill")
    real = getattr(os, call)

    def fail(target: Any, *rest: Any, **options: Any) -> Any:
        if call == "fstat" or str(target).endswith("HALT"):
            raise OSError(number, os.strerror(number))
        return real(target, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        why = switch.halted(tmp_path)
    assert why != ""


def test_a_fault_while_it_is_read_lets_nothing_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fault in (MemoryError, KeyboardInterrupt, RecursionError, ValueError):
        started: list[object] = []

        def broken(fault: type[BaseException] = fault) -> str:
            raise fault

        executor = Executor(FakeClock(), tmp_path, Containment())
        monkeypatch.setattr(Executor, "_run", lambda *values, started=started: started.append(values))
        step = PlannedStep(("/bin/true",))
        with pytest.raises(fault):
            executor.apply([step], cwd=str(tmp_path), environment={}, before_exec=broken)
        assert started == []


def test_it_is_the_last_thing_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def wrap(_: object, step: PlannedStep, **__: object) -> tuple[str, ...]:
        order.append("wrap")
        return step.argv

    def ask() -> str:
        order.append("halt")
        return "halted"

    monkeypatch.setattr(Containment, "wrap", wrap)
    monkeypatch.setattr(Executor, "_run", lambda *_: order.append("start"))
    executor = Executor(FakeClock(), tmp_path, Containment())
    done = executor.apply([PlannedStep(("/bin/true",))], cwd=str(tmp_path), environment={}, before_exec=ask)
    assert order == ["wrap", "halt"] and done.stopped == "halted"
    asked = [judge.name for judge in ruling.JUDGES if judge.before_exec]
    assert asked[-1] == "halt"


def test_a_halt_that_comes_while_the_fix_runs_stops_the_rerun(a: Agent) -> None:
    a.learn()
    (a.venv / "pip-waits").touch()
    child = a.start("run", "--mode", "auto", "--", *a.app)
    wait_for((a.venv / "pip-waiting").exists, "pip")
    switch.halt(a.operator, "a drill")
    (a.venv / "pip-waits").unlink()
    assert child.wait() == 1
    child.communicate()
    [incident] = [row for row in a.ask("incidents", "list") if row["state"] != "verified"]
    assert incident["state"] == "applied_not_rerun"
    assert len(a.pip_log) == 1 and FIX.rpartition(" ")[2] in a.pip_log[0]
