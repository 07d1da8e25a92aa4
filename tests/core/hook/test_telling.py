"""What a hook notes of what it tells: what came of it, the share that is withheld, what it took, what was unread."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from tests.core.agents.desk import Desk
from tests.core.hook.test_known import PLAIN, UNKNOWN, WRAPPED, about_to, context, edits, fails, passes

import meshcore
from meshcore.agents.payload import Payload
from meshcore.agents.table import NAMES, program
from meshcore.evidence.digest import Digest, digest
from meshcore.hook import follow_up
from meshcore.hook.main import handle
from meshcore.hook.telling import Telling
from meshcore.hook.unread import lacks_command, version_of
from meshcore.store.known_marks import session_key


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.leave_the_bridge_alone()
    folder = desk.root / "bin"
    folder.mkdir()
    for name in ("jest", "wrap"):
        (folder / name).touch(0o755)
    desk.environment["PATH"] = f"{folder}:/usr/bin:/bin"
    return desk


def told(desk: Desk, session: str) -> set[str]:
    store = desk.store()
    try:
        sql = "SELECT kind FROM tellings WHERE session=?"
        return {str(row[0]) for row in store.database.execute(sql, (session_key("claude-code", session),))}
    finally:
        store.close()


def withhold(desk: Desk, share: float) -> None:
    operator = Path(desk.environment["MESHTUI_OPERATOR_DIR"])
    operator.mkdir(exist_ok=True)
    (operator / "config.toml").write_text(f"[effect]\nwithhold = {share}\n")


def figures(desk: Desk) -> Digest:
    store = desk.store()
    try:
        return digest(store)
    finally:
        store.close()


def shown(desk: Desk, kind: str) -> tuple[int, int, int, int]:
    found = figures(desk).kinds[kind]
    return found.told, found.right, found.ignored, found.wrong


def known_to_fail(desk: Desk) -> None:
    """Let the second session be told that the command fails here, and what passed instead."""
    fails(desk, "one")
    passes(desk, "one")
    assert "`jest run`" in fails(desk, "two")


def test_a_correction_that_is_taken_and_passes_is_right(desk: Desk) -> None:
    known_to_fail(desk)
    passes(desk, "two", PLAIN)
    assert shown(desk, "correction") == (1, 1, 0, 0)


def test_a_correction_that_fails_is_wrong(desk: Desk) -> None:
    known_to_fail(desk)
    fails(desk, "two", PLAIN, "error: it is broken")
    assert shown(desk, "correction") == (1, 0, 0, 1)


def test_the_same_command_once_more_means_that_nobody_listened(desk: Desk) -> None:
    known_to_fail(desk)
    fails(desk, "two")
    assert shown(desk, "correction") == (1, 0, 1, 0) and shown(desk, "habit after") == (1, 0, 1, 0)


def test_what_passes_unchanged_was_told_wrongly_and_after_an_edit_rightly(desk: Desk) -> None:
    fails(desk, "one")
    fails(desk, "two")
    passes(desk, "two", WRAPPED)
    assert shown(desk, "habit after") == (1, 0, 0, 1)
    fails(desk, "three")
    fails(desk, "four")
    edits(desk, "four")
    passes(desk, "four", WRAPPED)
    assert shown(desk, "habit after") == (2, 1, 0, 1)


def test_what_comes_later_than_six_commands_shows_nothing(desk: Desk) -> None:
    fails(desk, "one")
    fails(desk, "two")
    for number in range(6):
        fails(desk, "two", f"tool{number} go", f"error: {number} is odd")
    fails(desk, "two")
    assert shown(desk, "habit after")[0:4] == (1, 0, 0, 0)


def test_to_whom_it_was_told_and_in_which_project_is_kept(desk: Desk) -> None:
    known_to_fail(desk)
    found = figures(desk)
    assert found.kinds["correction"].to == {"claude-code": 1}
    [place] = found.projects
    assert place.root == str(desk.work)


@pytest.mark.parametrize("length", [3, 30, 60, 90, 110, 130, 180, 400])
def test_what_is_noted_as_told_is_what_was_printed_beside_a_fix(desk: Desk, length: int) -> None:
    known_to_fail(desk)
    error = f"ModuleNotFoundError: No module named 'django_{'x' * length}'"
    for session in ("three", "four"):
        fails(desk, session, WRAPPED, error)
    desk.teach(error, f"pip install django_{'x' * length}")
    for session in ("five", "six", "seven"):
        said = fails(desk, session, WRAPPED, error)
        assert "[report " in said
        assert ("habit after" in told(desk, session)) == ("earlier session" in said), said
        assert desk.followed or len(said) <= 600


def test_what_was_noted_as_told_is_printed_although_looking_further_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    fails(desk, "one")
    with desk.node() as node:
        node.store.state.set(pulled="")
    payload = json.dumps({
        **program("claude-code").sample(WRAPPED, UNKNOWN, str(desk.work), desk.root, "call-x"),
        "session_id": "two", "error": f"Exit code 2\n{UNKNOWN}",
    })  # fmt: skip
    handled = handle("claude-code", Payload(payload.encode()), desk.environment)
    assert handled is not None and handled.follow_up is not None and "habit after" in told(desk, "two")

    def broken(*_: object) -> None:
        raise OSError("the disk has gone")

    monkeypatch.setattr(follow_up, "recover", broken)
    monkeypatch.setattr(sys, "argv", ["", json.dumps(handled.follow_up)])
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    handler = signal.getsignal(signal.SIGALRM)
    try:
        follow_up.main()
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert b"earlier session" in capfdbinary.readouterr().out


# --- withheld ---------------------------------------------------------------------------------------------------------


def test_nothing_is_told_of_a_command_that_is_withheld_and_what_comes_of_it_is_kept(desk: Desk) -> None:
    withhold(desk, 0.5)
    store = desk.store()
    store.state.set(withhold_key="k")
    project = store.projects.add(str(desk.work), "identity").number
    store.close()
    names = [f"wrap jest{i} run" for i in range(12)]
    told = {}
    for number, name in enumerate(names):  # a session each: of one session little is heard
        fails(desk, f"first{number}", name)
        told[name] = bool(fails(desk, f"second{number}", name))
        fails(desk, f"second{number}", name)
    assert 2 <= sum(told.values()) <= 10, "about half"
    for number, name in enumerate(names):
        assert bool(fails(desk, f"third{number}", name)) is told[name], "the same commands in every session"
    saved = figures(desk).saved
    assert (saved.told_commands, saved.withheld_commands) == (sum(told.values()), 12 - sum(told.values()))
    assert (saved.told, saved.withheld) == (2 * saved.told_commands, 2 * saved.withheld_commands)
    assert saved.withheld_again == saved.withheld_commands and saved.fewer is None
    assert project and figures(desk).kinds["habit after"].told == saved.told, "what was withheld was not told"


def test_a_share_is_drawn_by_the_operators_key_and_grows_without_swapping(desk: Desk) -> None:
    store = desk.store()
    store.state.set(withhold_key="one key")
    project = store.projects.add("/w", "identity").number
    commands = [number.to_bytes(8, "big") for number in range(2000)]

    def drawn(share: float) -> set[bytes]:
        telling = Telling(store, "s", "claude-code", share)
        return {command for command in commands if telling.is_withheld(project, command)}

    fifth, half = drawn(0.2), drawn(0.5)
    assert 340 <= len(fifth) <= 460 and fifth < half and drawn(0.0) == set()
    store.state.set(withhold_key="another key")
    assert drawn(0.2) != fifth
    store.close()


def test_a_fix_is_withheld_too(desk: Desk) -> None:
    desk.teach()
    assert "pip install django" in context(desk.failed(session_id="told"))
    withhold(desk, 0.5)
    answers = {bool(context(desk.failed(session_id=f"s{i}", command=f"python3 app{i}.py"))) for i in range(12)}
    assert answers == {True, False}
    saved = figures(desk).saved
    assert saved.told and saved.withheld


def test_withheld_before_a_command_as_after_it(desk: Desk) -> None:
    store = desk.store()
    store.state.set(withhold_key="k")
    store.close()
    withhold(desk, 0.5)
    heard = {}
    for number in range(40):  # which ones are withheld depends on the project's folder, which is another each time
        name = f"wrap jest{number} run"
        for session in ("a", "b"):
            fails(desk, f"{session}{number}", name, UNKNOWN, duration_ms=20_000)
        heard[name] = bool(about_to(desk, f"c{number}", name))
        if len(set(heard.values())) == 2:
            break
    assert len(set(heard.values())) == 2, "some are told, some withheld"


# --- calls and payloads -----------------------------------------------------------------------------------------------


def test_every_call_of_a_real_hook_is_counted_with_what_it_took_and_broken_ones_too(desk: Desk) -> None:
    fails(desk, "one")
    stub = Path(meshcore.__file__).parent / "hookstart.py"
    body = {
        "session_id": "quiet", "cwd": str(desk.work), "hook_event_name": "PostToolUse", "tool_name": "Bash",
        "tool_input": {"command": "ls"}, "tool_response": {"stdout": "", "stderr": "", "interrupted": False},
    }  # fmt: skip
    environment = {**desk.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    for data in (json.dumps(body), json.dumps(body), "{broken", '{"tool_name": "Bash", "cc_version": "9.1"}'):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(stub), "claude-code"], input=data.encode(), env=environment, check=True,
            capture_output=True,
        )  # fmt: skip
        assert done.stdout == b""
    found = figures(desk)
    [cost] = found.costs
    assert (cost.calls, cost.via, cost.when) == (2, "claude-code", "had ended") and 0 < cost.p50 <= cost.p95
    assert sorted(found.unread) == [("claude-code", "", 1), ("claude-code", "9.1", 1)]


def test_a_call_that_looks_into_the_store_is_counted_as_well(desk: Desk) -> None:
    fails(desk, "one")
    sample = program("codex").sample("ls", "", str(desk.work), desk.root, "c")
    handle("codex", Payload(json.dumps(sample).encode()), desk.environment, began=monotonic())
    assert [cost.via for cost in figures(desk).costs] == ["codex"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_program_sends_of_a_command_is_never_taken_for_unreadable(name: str, tmp_path: Path) -> None:
    assert not lacks_command(program(name).sample("ls", "no", str(tmp_path), tmp_path, "c"))


def test_a_version_is_a_short_plain_word() -> None:
    assert version_of({"x": 1, "client_version": "1.2\x1b[31m" + "9" * 99}) == "1.231m" + "9" * 32
    assert version_of(None) == version_of({"version": []}) == ""
