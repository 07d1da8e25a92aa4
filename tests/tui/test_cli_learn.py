"""`meshtui learn`: taught from a text or from a failure itself, and told at once what will become of it."""

from __future__ import annotations

import pytest
from tests.tui.test_cli_run import in_a_terminal
from tests.world import Agent, lines_of_ours

CASES = {
    "a module": ("print('x'); import missing_thing", "pip install missing-thing", "approve"),
    "a task of the project": ("import missing_thing", "make deps", "approve"),
    "a recursive deletion": ("import missing_thing", "rm -rf /", "refuse"),
    "advice": ("import missing_thing", "Ask the team lead for it.", "hint"),
}


def fail(a: Agent, code: str) -> str:
    (a.work / "fails.py").write_text(code + "\n")
    done = a.run(str(a.venv / "bin/python"), "fails.py")
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("name", CASES)
def test_the_newest_failure_is_taught_and_the_verdict_is_told_at_once(a: Agent, name: str) -> None:
    code, fix, decision = CASES[name]
    fail(a, code)
    taught = a.ask("learn", "--last", "--fix", fix)
    assert (taught["decision"], taught["new"]) == (decision, True)
    assert taught["reasons"] or decision == "hint"


def test_the_last_line_the_whole_output_and_the_failure_make_one_skill(a: Agent) -> None:
    output = fail(a, "def load():\n    import missing_thing\nload()")
    command = f"{a.venv / 'bin/python'} fails.py"
    last = a.ask("learn", "--last", "--fix", "pip install missing-thing")
    line = output.strip().splitlines()
    line = [one for one in line if not one.startswith("meshtui")]
    for text in (line[-1], "\n".join(line)):
        for more in ((), ("--command", command)):
            again = a.ask("learn", "--error", text, *more, "--fix", "pip install missing-thing")
            assert (again["skill_id"], again["new"]) == (last["skill_id"], False)


def test_a_text_alone_is_told_what_it_depends_on_and_a_failure_at_hand_tells_more(a: Agent) -> None:
    text, fix = "ModuleNotFoundError: No module named 'django'", "pip install django"
    assert "asks for exactly this and leaves nothing open" in a.call("learn", "--error", text, "--fix", fix).stdout
    assert a.run(*a.app, mode="hint").returncode == 1
    assert "from now on it runs unattended" in a.call("learn", "--error", text, "--fix", fix).stdout
    done = a.call("learn", "--error", "error: no deps", "--fix", "make deps").stdout
    assert "it will ask each time, because nothing is declared under tasks" in done
    steps = a.call("learn", "--error", "error: no folder", "--fix", "mkdir -p a && rm -rf /").stdout
    assert "it will be refused" in steps


def test_what_has_been_done_about_a_failure_since_is_not_held_against_its_fix(a: Agent) -> None:
    (a.work / "pyproject.toml").touch()
    fail(a, "open('out/x.txt', 'w')")
    assert a.run("mkdir", "-p", "out").returncode == 0
    told = a.ask("learn", "--last", "--fix", "mkdir -p out")
    assert (
        "leaves nothing open" in a.call("learn", "--last", "--fix", "mkdir -p out").stdout or told["decision"] == "run"
    )
    (a.work / "conf.example.json").write_text("{}")
    fail(a, "open('conf.json')")
    assert a.run("cp", "conf.example.json", "conf.json").returncode == 0
    for named in ("conf.example.json conf.json", f"{a.work}/conf.example.json {a.work}/conf.json"):
        assert "leaves nothing open" in a.call("learn", "--last", "--fix", f"cp {named}").stdout, named


def test_a_fix_of_whole_paths_is_judged_as_it_will_be_typed(a: Agent) -> None:
    text = f"FileNotFoundError: [Errno 2] No such file or directory: '{a.work}/conf/app.json'"
    fix = f"cp {a.work}/conf/app.json.example {a.work}/conf/app.json"
    (a.work / "pyproject.toml").touch()
    told = a.call("learn", "--error", text, "--fix", fix).stdout
    assert "leaves nothing open" in told
    assert f"cp conf/app.json.example {a.work}/conf/app.json" in told, "the example is that of any checkout"


def test_without_a_fix_it_names_what_ran_since(a: Agent) -> None:
    fail(a, "import missing_thing")
    done = a.call("learn", "--last")
    assert (done.returncode, done.stderr.strip()) == (2, "meshtui: say which command fixes it: --fix CMD")
    a.run("touch", "done")
    done = a.call("learn", "--last")
    assert done.stderr.strip().endswith("--fix CMD; since then ran: touch done")
    code, shown = in_a_terminal(a, "learn", "--last", answer=b"\r", prompt=b"[touch done]")
    assert (code, "\u2192 touch done" in shown) == (0, True)


def test_a_text_and_a_failure_together_are_a_mistake(a: Agent) -> None:
    assert a.call("learn", "--last", "--error", "x: y", "--fix", "true").returncode == 2
    assert a.call("learn", "--error", "x: y").returncode == 2
    assert a.call("learn", "--last", "--fix", "true").returncode == 2, "nothing has failed yet"


def test_on_a_terminal_it_is_said_once_a_day_how_an_unknown_failure_is_taught(a: Agent) -> None:
    (a.work / "fails.py").write_text("import missing_thing\n")
    command = ("run", "--", str(a.venv / "bin/python"), "fails.py")
    assert "meshtui learn --last" in in_a_terminal(a, *command)[1]
    assert "meshtui learn --last" not in in_a_terminal(a, *command)[1]
    assert not [line for line in lines_of_ours(a.run(*command[2:]).stderr) if "learn" in line]
