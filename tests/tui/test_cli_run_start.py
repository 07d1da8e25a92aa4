"""The start of `meshtui run`: what is loaded before the command, and what only when it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.world import Agent

from meshcore import config
from meshcore.config import Settings
from meshcore.hook import stdlib_shims
from meshcore.process import passthrough
from meshcore.process.passthrough import Passed
from meshtui.cli import run_start
from meshtui.cli.run_call import Call
from meshtui.cli.run_start import plain_call

LOADED = """
import json, sys
from meshtui.__main__ import run
code = run(sys.argv[1:])
light = [f"light {name}" for name, module in sys.modules.items() if type(module).__name__ == "StandIn"]
print(json.dumps([code, [*sys.modules, *light]]))
"""


def loaded(a: Agent, *arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, env=a.environment, cwd=a.work
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


def test_where_nothing_is_open_a_success_loads_neither_the_command_line_nor_a_database(a: Agent) -> None:
    code, modules = loaded(a, "run", "--", "true")
    assert code == 0
    assert modules.isdisjoint({"click", "sqlite3", "pydantic", "inspect", "meshcore.node", "meshtui.cli.after_run"})


def test_a_success_is_looked_at_where_something_failed_and_only_until_it_is_settled(a: Agent) -> None:
    (a.work / "tool").write_text("#!/bin/sh\ntest -e done || { echo 'tool: it is not done' >&2; exit 1; }\n")
    (a.work / "tool").chmod(0o755)
    assert a.run("./tool").returncode == 1
    assert "sqlite3" in loaded(a, "run", "--", "true")[1]
    (a.work / "done").touch()
    assert "sqlite3" in loaded(a, "run", "--", "./tool")[1]
    assert a.ask("incidents", "list")[0]["state"] == "verified"
    assert "sqlite3" not in loaded(a, "run", "--", "./tool")[1]


def test_a_failure_is_healed_without_compiling_the_methods_of_each_class(a: Agent) -> None:
    a.learn()
    code, modules = loaded(a, "run", "--", *a.app)
    assert code == 0
    assert {"sqlite3", "typing"} <= modules
    assert {name for name in modules if name.startswith("light ")} == {"light dataclasses"}
    assert "click" not in modules, "nobody parses options on the way from a failure to its fix"
    assert not {name for name in modules if "scrypt" in name or "serialization.ssh" in name}, "nor unlocks a key"
    assert a.ask("incidents", "list")[0]["state"] == "verified"


def test_stand_ins_stay_while_somebody_imports_through_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that ends as loading begins has two threads import at once."""
    real = config.load
    looking, taken_away = threading.Event(), list[bool]()
    gone = threading.Event()
    loading = threading.Thread(target=run_start._load, daemon=True)

    def look(**_: object) -> Settings:
        looking.set()
        loading.start()
        gone.wait(0.2)
        looking.clear()
        return real(home=str(tmp_path), environment={"HOME": str(tmp_path)})

    def take_away(*, but: str) -> None:
        taken_away.append(looking.is_set())
        gone.set()

    monkeypatch.setattr(stdlib_shims, "install", lambda *, patterns: None)
    monkeypatch.setattr(stdlib_shims, "uninstall", take_away)
    monkeypatch.setattr(
        passthrough,
        "run_through",
        lambda argv, meanwhile: Passed(0, b"", truncated=False, started="", ended="", seconds=0.0, stdin="null"),
    )
    monkeypatch.setattr("meshcore.config.load", look)
    assert run_start.pass_through(Call(("true",), "auto", "shell", {})) == 0
    loading.join()
    assert taken_away == [False]


@pytest.mark.parametrize(
    ("arguments", "argv", "via", "options"),
    [
        (["run", "make"], ("make",), "shell", {}),
        (["run", "--", "make", "-k"], ("make", "-k"), "shell", {}),
        (["run", "make", "--via", "x"], ("make", "--via", "x"), "shell", {}),
        (["run", "--via", "ci", "--", "--odd"], ("--odd",), "ci", {}),
        (["--home", "/h", "--agent", "run", "run", "--", "run"], ("run",), "shell", {"home": "/h", "agent": "run"}),
    ],
)
def test_the_plain_form_is_read_here(
    arguments: list[str], argv: tuple[str, ...], via: str, options: dict[str, str]
) -> None:
    call = plain_call(arguments)
    assert call is not None
    assert (call.argv, call.via, call.options, call.mode) == (argv, via, options, "auto")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "--"],
        ["run", "--help"],
        ["run", "-x", "make"],
        ["run", "--mode", "hint", "--", "make"],
        ["run", "--via"],
        ["--home"],
        ["--home=/h", "run", "make"],
        ["status"],
        ["learn", "run", "make"],
    ],
)
def test_everything_else_is_left_to_the_command_line(arguments: list[str]) -> None:
    assert plain_call(arguments) is None
