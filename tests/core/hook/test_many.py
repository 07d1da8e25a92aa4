"""Hooks of several agents that meet one failure at one moment: each is told, and none is lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.desk import COMMAND, ERROR, FIX, Desk
from tests.world import TIMEOUT_S

import meshcore
from meshcore.agents.base import Answer
from meshcore.agents.table import program
from meshcore.healing.left import MOST, leave, take_in
from meshcore.healing.light_judges import keep_policy, policy_key
from meshcore.hook import call, follow_up
from meshcore.hook.turn import Turn
from meshcore.trust.modes import VIA

PACKAGE = Path(meshcore.__file__).parent
LIMITS = {
    "hookstart.py": "DEADLINE_SECONDS = 8 ",
    "hook/call.py": "TWIN_SECONDS = 5.0 ",
    "hook/handled.py": "BUSY_SECONDS = 0.5 ",
    "hook/waiting.py": "PATIENCE_SECONDS = 4.0 ",
}
"""That everything ends after eight seconds is a promise of its own: ten hooks on a busy machine take longer."""
AT_ONCE = 5


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.leave_the_bridge_alone()
    return desk


@pytest.fixture(scope="module")
def patient_stub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of the hook that has all the time it needs, and has compiled what it needs."""
    root = tmp_path_factory.mktemp("patient")
    copy = Path(shutil.copytree(PACKAGE, root / "meshcore"))
    for name, limit in LIMITS.items():
        text = (copy / name).read_text()
        assert limit in text, name
        (copy / name).write_text(text.replace(limit, f"{limit.split()[0]} = {TIMEOUT_S} "))
    stub = str(copy / "hookstart.py")
    for agent in ("claude-code", "codex"):
        payload = json.dumps(program(agent).sample(COMMAND, ERROR, str(root), root, "call"))
        environment = {"MESHTUI_HOME": str(root / "home"), "MESHTUI_PACKS": "off", "HOME": str(root)}
        argv = [sys.executable, "-I", "-S", stub, agent]
        subprocess.run(argv, input=payload, text=True, env=environment, stdout=subprocess.DEVNULL, check=True)
    return stub


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "BUSY_SECONDS", 0.01)


def test_agents_of_two_programs_that_fail_at_once_are_all_told_and_policy_is_asked_once(
    desk: Desk, patient_stub: str
) -> None:
    desk.teach()
    payloads = []
    for number in range(AT_ONCE):
        for agent in ("claude-code", "codex"):
            sample = program(agent).sample(COMMAND, ERROR, str(desk.work), desk.root, f"call-{agent}-{number}")
            payloads.append((agent, json.dumps(sample).replace("meshtui-sample", f"session-{number}")))
    hooks = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", patient_stub, agent], env=desk.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )
        for agent, _ in payloads
    ]  # fmt: skip
    for hook, (_, payload) in zip(hooks, payloads, strict=True):
        assert hook.stdin is not None
        hook.stdin.write(payload)
        hook.stdin.close()
        hook.stdin = None
    said = [hook.communicate(timeout=TIMEOUT_S)[0] for hook in hooks]
    assert [FIX in one for one in said] == [True] * len(hooks)
    found = desk.incidents()
    assert len(found) == AT_ONCE, "what two programs saw of one session counts once"
    assert {one.state for one in found} == {"matched"}
    assert "fault" not in desk.kinds()
    assert desk.kinds().count("hook.answered") == AT_ONCE


@pytest.mark.usefixtures("hurried")
def test_a_failure_that_a_held_store_has_no_place_for_is_stored_by_the_next_hook(desk: Desk) -> None:
    held = sqlite3.connect(desk.root / "home" / "store.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    assert desk.failed(output="error: the first") == ""
    assert desk.failed(output="password=hunter2hunter2 error: the second") == ""
    left = list((desk.root / "home" / "state" / "waiting").iterdir())
    assert len(left) == 2 and all(path.stat().st_mode & 0o077 == 0 for path in left)
    assert not any("hunter2" in path.read_text() for path in left)
    held.execute("ROLLBACK")
    held.close()
    assert desk.incidents() == []
    desk.failed(output="error: the third")
    assert {one.signature.line.rpartition(" ")[2] for one in desk.incidents()} == {"first", "second", "third"}
    assert not list((desk.root / "home" / "state" / "waiting").iterdir())
    assert desk.kinds().count("incident.opened") == 3


@pytest.mark.usefixtures("hurried")
def test_a_hook_goes_on_waiting_while_others_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = iter(range(5))
    monkeypatch.setattr("meshcore.hook.waiting._moves", lambda store: [(next(moved, 5), 0)])
    held = sqlite3.connect(desk.root / "home" / "store.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    desk.failed()
    assert next(moved, None) is None, "it tried as long as somebody wrote"
    held.close()


def test_what_was_left_and_cannot_be_read_is_dropped(desk: Desk) -> None:
    desk.failed()
    [incident] = desk.incidents()
    folder = desk.root / "home" / "state" / "waiting"
    assert leave(folder.parent, incident)
    whole = json.loads(next(folder.iterdir()).read_text())
    damaged: list[Any] = [[], {}, whole | {"argv": 3}, whole | {"failed_at": "x"}, whole | {"incident_id": [1]}, None]
    for number, value in enumerate(damaged):
        (folder / f"damaged{number}.json").write_text(json.dumps(value))
    (folder / "cut.json").write_text('{"incident_id": "')
    (folder / "link.json").symlink_to("/dev/zero")
    store = desk.store()
    assert take_in(store) == 0, "the one that is whole was stored before"
    store.close()
    assert not list(folder.iterdir())
    assert len(desk.incidents()) == 1


def test_no_more_is_left_than_a_home_may_hold(desk: Desk) -> None:
    desk.failed()
    [incident] = desk.incidents()
    folder = desk.root / "home" / "state" / "waiting"
    folder.mkdir()
    for number in range(MOST):
        (folder / f"{number}.json").touch()
    assert not leave(folder.parent, incident)


def test_one_process_has_the_turn_to_ask_until_it_is_gone(desk: Desk) -> None:
    state, question = desk.root / "home" / "state", "0123456789abcdef"
    script = (
        "import sys; from pathlib import Path; from meshcore.hook.turn import Turn;"
        f"turn = Turn(Path({str(state)!r}), {question!r}); assert turn.take();"
        "import os; os.execv(sys.executable, [sys.executable, '-c', 'print(1, flush=True); input()'])"
    )
    store, own = desk.store(), Turn(state, question)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n", "it has become another program by now"
        assert not own.take()
        assert Turn(state, "abcdef0123456789").take(), "another question"
        assert not own.wait(store, time.monotonic()), "the time is up"
        store.verdicts.put(question, "hint")
        assert own.wait(store, time.monotonic())
        other.communicate("", timeout=TIMEOUT_S)
    assert own.take()
    own.give_back()
    store.close()


@contextmanager
def another_that_asks(desk: Desk, mode: str) -> Iterator[None]:
    """The turn is with another process all the while, and nobody waits long; the mode is set."""
    with desk.node() as node:
        node.store.controls.set(f"{VIA}claude-code", mode, "dev")
    [known] = desk.store().skills.all()
    question = policy_key(known.skill.action, desk.root / "operator" / "policy.toml", own=True)
    script = (
        "from pathlib import Path; from meshcore.hook.turn import Turn;"
        f"turn = Turn(Path({str(desk.root / 'home' / 'state')!r}), {question!r}); assert turn.take();"
        "print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "1\n"
        yield
        other.communicate("", timeout=TIMEOUT_S)


@pytest.mark.parametrize("mode", ["hint", "approve", "auto"])
def test_whoever_waited_too_long_is_told_in_brief_in_every_mode(
    desk: Desk, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.teach()
    assert FIX in desk.failed(), "policy was asked"
    monkeypatch.setattr(call, "PATIENCE_SECONDS", 0.0)
    desk.followed.clear()
    with another_that_asks(desk, mode):
        said = desk.failed(session="second")
        assert FIX in said and "Judge it before you use it" in said and "heal" not in said
        assert FIX not in desk.failed(session="second"), "once a session"
        assert FIX in desk.failed("codex", session="second"), "another program at the same failure"
    assert desk.followed == []


def test_who_is_told_in_brief_leaves_what_waits_for_a_person_to_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.teach()
    with desk.node() as node:
        node.store.controls.set(f"{VIA}claude-code", "approve", "dev")
    assert "Leave it to them" in desk.failed()
    monkeypatch.setattr(call, "PATIENCE_SECONDS", 0.0)
    elsewhere = desk.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pyproject.toml").touch()
    with another_that_asks(desk, "approve"):
        assert "Leave it to them" in desk.failed(session="second")
        assert "Judge it" in desk.failed(session="third", cwd=str(elsewhere)), "it does not wait there"


@pytest.mark.parametrize("mode", ["approve", "auto"])
def test_what_policy_refuses_or_was_never_asked_about_is_not_told_in_brief(
    desk: Desk, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.teach()
    monkeypatch.setattr(call, "PATIENCE_SECONDS", 0.0)
    with another_that_asks(desk, mode):
        desk.failed(session="second")
        assert desk.followed == ["failed"], "it asks itself, as if it were alone"
        store = desk.store()
        [known] = store.skills.all()
        keep_policy(store, known.skill.action, desk.root / "operator" / "policy.toml", "refuse", own=True)
        store.close()
        assert FIX not in desk.failed(session="third")


@pytest.mark.parametrize("mode", ["approve", "auto"])
def test_every_session_hears_in_the_modes_that_answer_each_failure(desk: Desk, mode: str, patient_stub: str) -> None:
    desk.teach()
    with desk.node() as node:
        node.store.controls.set(f"{VIA}claude-code", mode, "dev")
    hooks = []
    for number in range(AT_ONCE):
        sample = program("claude-code").sample(COMMAND, ERROR, str(desk.work), desk.root, f"call-{number}")
        hook = subprocess.Popen(
            [sys.executable, "-I", "-S", patient_stub, "claude-code"], env=desk.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert hook.stdin is not None
        hook.stdin.write(json.dumps(sample | {"session_id": f"session-{number}"}))
        hook.stdin.close()
        hook.stdin = None
        hooks.append(hook)
    said = [hook.communicate(timeout=TIMEOUT_S)[0] for hook in hooks]
    assert [FIX in one for one in said] == [True] * AT_ONCE
    assert len(desk.incidents()) == AT_ONCE and "fault" not in desk.kinds()


def test_without_a_question_nobody_waits(desk: Desk) -> None:
    store, turn = desk.store(), Turn(desk.root / "home" / "state")
    assert turn.take()
    assert not turn.wait(store, time.monotonic() + TIMEOUT_S)
    store.close()


def test_the_agent_is_told_before_the_others_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.teach()
    done: list[str] = []
    monkeypatch.setattr(follow_up, "exchange", lambda node: done.append("exchange"))

    def say(answer: Answer) -> None:
        done.append(f"told {FIX in answer.context}")

    real = follow_up.run
    monkeypatch.setattr(follow_up, "run", lambda task, environment: real(task, environment, say))
    assert FIX in desk.failed()
    assert done == ["exchange", "told True", "exchange"]
