"""What a prompt hook can know: what a pane shows, what a missing program says, what helped the same command before."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcore.agents.payload import Payload
from meshcore.config import load
from meshcore.healing.teaching import teach
from meshcore.hook.main import handle
from meshcore.hook.memory import Memory, Offer, incident_id_of, recall, remember
from meshcore.hook.shell import VIA, failed, insertion, last_output, not_found
from meshcore.node import Node
from meshcore.store.known_marks import session_key
from meshcore.testing import incident
from meshcore.testing import outcome as made_outcome

ERROR = "ModuleNotFoundError: No module named 'django'"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = {
        "MESHTUI_HOME": str(tmp_path / "home"),
        "MESHTUI_OPERATOR_DIR": str(tmp_path / "operator"),
        "MESHTUI_PACKS": "off",
        "MESHTUI_BRIDGE": str(tmp_path / "bridge.db"),
        "MESHTUI_AGENT": "me@here",
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.mark.parametrize(
    ("pane", "said"),
    [
        ("$ make\nboom\n\n\n", "boom"),
        ("$ make\nold\n$ ls\na\n$ make\nnew\nmore\n", "new\nmore"),
        ("host ~> make   \nboom", "boom"),
        ("make\nboom", "boom"),
        ("$ remake\nboom", ""),
        ("$ make test\nboom", ""),
        ("", ""),
    ],
)
def test_what_a_pane_shows_below_the_command_is_what_it_said(pane: str, said: str) -> None:
    assert last_output(pane, "make") == said


@settings(max_examples=50)
@given(st.text("$ make\n", max_size=60), st.text("make \n", max_size=8))
def test_no_pane_is_too_odd(pane: str, command: str) -> None:
    assert last_output(pane, command) in pane


@pytest.mark.parametrize(
    ("shell", "command", "code", "said"),
    [
        ("bash", "mytool --fast", 127, "bash: mytool: command not found"),
        ("zsh", "mytool", 127, "zsh: command not found: mytool"),
        ("bash", "mytool", 1, ""),
        ("bash", "cat x | mytool", 127, ""),
        ("bash", "a && mytool", 127, ""),
        ("bash", "$TOOL", 127, ""),
    ],
)
def test_only_a_plain_command_tells_which_program_is_missing(shell: str, command: str, code: int, said: str) -> None:
    assert not_found(shell, command, code) == said


def test_what_helped_the_same_command_before_is_told_as_that_and_no_more(environment: dict[str, str]) -> None:
    with Node(load()) as node:
        known, _ = teach(node, ERROR, "pip install django")
        met = incident(argv=("make", "docs"), cwd=str(Path.cwd()), skill_id=known.skill_id)
        node.store.incidents.open(met, node.identity.node.public)
        node.store.outcomes.add(made_outcome(incident_id=met.incident_id), own_operator=True)
        assert failed("bash", "s1", "1", 2, "make docs", "", environment) == ""
        node.store.incidents.set_state(met.incident_id, "verified", skill_id=known.skill_id)
    said = failed("bash", "s1", "2", 2, "make docs", "", environment)
    assert said.startswith("meshtui: when this failed here before (")
    assert said.endswith("it was fixed by: pip install django\n")
    assert insertion("s1", "2", "make docs", environment) == "pip install django"
    with Node(load()) as node:
        assert len(node.store.incidents.all()) == 1


def test_what_passed_instead_is_told_in_one_line_and_the_key_puts_it_on_the_line(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Node(load(environment=environment)) as node:
        node.store.state.set(pulled=node.store.now())
    (Path.cwd() / "jest").touch(0o755)
    monkeypatch.setenv("PATH", f"{Path.cwd()}:/usr/bin:/bin")
    environment = {**environment, "PATH": os.environ["PATH"]}
    pane = "$ wrap jest run\nerror: unrecognized subcommand 'jest'"
    failed("bash", "one", "1", 2, "wrap jest run", pane, environment)
    handle(VIA, Payload(json.dumps({"command": "jest run", "exit_code": 0, "cwd": str(Path.cwd()), "session": "one",
                                    "call": "2", "output": ""}).encode()), environment)  # fmt: skip
    said = failed("bash", "two", "1", 2, "wrap jest run", pane, environment)
    assert said.count("\n") == 1 and "What passed instead in 1 earlier session here: `jest run`" in said
    assert insertion("two", "1", "wrap jest run", environment) == "jest run"


def test_nothing_is_made_where_nothing_is_known(environment: dict[str, str]) -> None:
    assert failed("bash", "s", "1", 2, "make docs", "", environment) == ""
    assert insertion("s", "1", "make docs", environment) == "meshtui run -- make docs"
    assert not Path(environment["MESHTUI_HOME"]).exists()


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("make 'a b'", "meshtui run -- make 'a b'"),
        ("make | tail", "meshtui run -- bash -c 'make | tail'"),
        ("echo 'x' > y", """meshtui run -- bash -c 'echo '"'"'x'"'"' > y'"""),
    ],
)
def test_a_run_under_the_mesh_is_spelt_so_that_it_is_the_same_command(
    environment: dict[str, str], command: str, line: str
) -> None:
    assert insertion("s", "1", command, environment) == line


def test_a_fix_that_would_do_more_than_stand_on_the_line_is_not_put_there(environment: dict[str, str]) -> None:
    mine = incident_id_of(VIA, "s", "1")
    with Node(load()) as node:
        memory = Memory().with_failure("key", mine).with_offer(Offer(mine, "x", "pip install a\nrm -r b"))
        remember(node.store, session_key(VIA, "s"), memory)
        assert recall(node.store, session_key(VIA, "s")) is not None
    assert insertion("s", "1", "make", environment) == "meshtui run -- make"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_the_shell_itself_says_of_a_missing_program_is_not_taken_for_the_line_that_was_typed(shell: str) -> None:
    said = not_found(shell, "mytool", 127)
    assert last_output(f"ready> mytool\n{said}\nready>", "mytool", said) == f"{said}\nready>"
