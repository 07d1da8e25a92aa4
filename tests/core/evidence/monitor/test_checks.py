"""Checks: each is a program, and whatever it does becomes an entry of the record."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.world import wait_for

from meshcore.config import ConfiguredCheck, load
from meshcore.errors import ConfigurationError
from meshcore.evidence.monitor.checks import CONNECTOR, MULTI_AGENT, OUTPUT_BYTES, built_in, run_check, summary

KEYS = ["script", "status", "stdout", "stderr", "returncode"]


def program(code: str, timeout: float = 60.0) -> ConfiguredCheck:
    return ConfiguredCheck("check.py", (sys.executable, "-c", code), timeout)


def test_a_check_that_exits_0_has_passed() -> None:
    entry = run_check(program("import sys; print('fine'); print('note', file=sys.stderr)"))
    assert list(entry) == KEYS
    assert entry == {"script": "check.py", "status": "passed", "stdout": "fine", "stderr": "note", "returncode": 0}


def test_a_check_that_exits_otherwise_has_failed() -> None:
    entry = run_check(program("raise SystemExit(3)"))
    assert (entry["status"], entry["returncode"]) == ("failed", 3)


def test_a_program_that_is_not_there_is_missing(tmp_path: Path) -> None:
    entry = run_check(ConfiguredCheck("gone.py", (str(tmp_path / "gone"),)))
    assert (entry["status"], entry["returncode"]) == ("missing", None)
    assert "gone" in entry["stderr"]


def test_a_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    assert run_check(ConfiguredCheck("text", (str(text),)))["status"] == "error"


def test_after_its_timeout_a_check_is_ended_with_all_that_it_started() -> None:
    child = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    entry = run_check(program(code, timeout=2.0))
    assert (entry["status"], entry["returncode"]) == ("error", None)
    assert entry["stderr"].startswith("ended after 2 s")
    child_id = int(entry["stdout"])
    wait_for(lambda: not is_running(child_id), "the child ends")


def test_what_a_check_leaves_behind_keeps_nobody_waiting() -> None:
    child = "import os, time; time.sleep(600)"
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid)"
    entry = run_check(program(code))
    assert entry["status"] == "passed"
    child_id = int(entry["stdout"])
    wait_for(lambda: not is_running(child_id), "the child ends")


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_output_is_bounded_to_its_end() -> None:
    entry = run_check(program("print('x' * 1_000_000); print('the end')"))
    assert entry["stdout"].endswith("the end")
    assert "bytes left out" in entry["stdout"]
    assert len(entry["stdout"]) < OUTPUT_BYTES + 100


def test_secrets_and_what_steers_a_terminal_never_reach_the_record() -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\x1b[31mpassword=hunter2secret\\x1b]52;c;eA==\\x07\\x9b2J \\xff')"
    entry = run_check(program(code))
    assert "hunter2secret" not in entry["stdout"]
    assert "[redacted:" in entry["stdout"]
    assert entry["stdout"].isprintable()


def test_a_check_has_nothing_to_read() -> None:
    assert run_check(program("import sys; print(repr(sys.stdin.read()))"))["stdout"] == "''"


def test_the_summary_counts_as_the_old_one_did() -> None:
    states = ["passed", "failed", "error", "missing", "skipped", "passed"]
    assert summary([{"status": state} for state in states]) == {
        "total": 6,
        "passed": 2,
        "failed": 1,
        "errors": 1,
        "missing": 1,
    }
    assert set(summary([]).values()) == {0}


def test_our_own_checks_go_by_the_old_names() -> None:
    assert [check.name for check in built_in()] == [CONNECTOR, MULTI_AGENT]
    assert (CONNECTOR, MULTI_AGENT) == ("test_skill_connector.py", "test_multi_agent_learning.py")


def configured(folder: Path, text: str) -> tuple[ConfiguredCheck, ...]:
    (folder / "config.toml").write_text(text, "utf-8")
    return load(environment={"MESHTUI_OPERATOR_DIR": str(folder), "USER": "anna"}).checks


def test_the_configuration_names_more_checks(tmp_path: Path) -> None:
    text = '[[checks]]\nname = "smoke"\nargv = ["make", "smoke"]\ntimeout = 20\n[[checks]]\nname = "b"\nargv = ["b"]\n'
    assert configured(tmp_path, text) == (
        ConfiguredCheck("smoke", ("make", "smoke"), 20.0),
        ConfiguredCheck("b", ("b",), 300.0),
    )


@pytest.mark.parametrize(
    "text",
    [
        'checks = "make"',
        "checks = [1]",
        '[[checks]]\nname = "a"',
        '[[checks]]\nargv = ["a"]',
        '[[checks]]\nname = ""\nargv = ["a"]',
        '[[checks]]\nname = "a\\n"\nargv = ["a"]',
        '[[checks]]\nname = "a"\nargv = "make smoke"',
        '[[checks]]\nname = "a"\nargv = []',
        '[[checks]]\nname = "a"\nargv = [1]',
        '[[checks]]\nname = "a"\nargv = ["a"]\ntimeout = 0',
        '[[checks]]\nname = "a"\nargv = ["a"]\ntimeout = nan',
        '[[checks]]\nname = "a"\nargv = ["a"]\nshell = true',
        '[[checks]]\nname = "a"\nargv = ["a"]\n[[checks]]\nname = "a"\nargv = ["b"]',
    ],
)
def test_a_check_that_does_not_fit_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="checks"):
        configured(tmp_path, text)
