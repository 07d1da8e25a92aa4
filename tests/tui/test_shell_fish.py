"""The prompt hook in a real fish, inside tmux, whose pane is what a person sees."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.world import Agent, wait_for

from meshcore.store.store import Store
from meshtui.cli.shell import script

PROMPT = "ready>"
THEIRS = """function fish_prompt; printf 'ready> '; end
function theirs --on-event fish_postexec; set -g code $status; end
"""


class Fish:
    """A fish in a pane."""

    def __init__(self, a: Agent, *, tells_its_pane: bool) -> None:
        self.a = a
        settings = a.work / "config"
        (settings / "fish").mkdir(parents=True)
        hidden = "" if tells_its_pane else "set -e TMUX\n"
        (settings / "fish/config.fish").write_text(f"set -g fish_greeting\n{hidden}{THEIRS}{script('fish', {})}")
        (a.work / "run").mkdir()
        path = f"{a.work / 'bin'}:{Path(sys.executable).parent}:{a.environment['PATH']}"
        own = {"TMUX_TMPDIR": str(a.work / "run"), "XDG_CONFIG_HOME": str(settings), "SHELL": "/bin/sh", "PATH": path}
        self.environment = {**a.environment, **own, "XDG_DATA_HOME": str(a.work / "data"), "TERM": "xterm-256color"}

    def __enter__(self) -> Fish:
        self.tmux("new-session", "-d", "-x", "150", "-y", "40", "-c", str(self.a.work), "fish")
        self.until(lambda: self.seen().startswith(PROMPT), "the prompt")
        return self

    def __exit__(self, *_: object) -> None:
        self.tmux("kill-server")

    def tmux(self, *arguments: str) -> str:
        argv = ["tmux", "-L", "fish", "-f", "/dev/null", *arguments]
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, check=True).stdout

    def seen(self) -> str:
        """Return what the pane shows, without the empty lines at its end."""
        return self.tmux("capture-pane", "-p", "-J").rstrip()

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Return once something holds. Raises AssertionError."""
        wait_for(true, what)

    def type(self, line: str) -> None:
        """Type a line and enter."""
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def prompts(self, count: int) -> bool:
        """Tell whether the newest line is a prompt, after so many."""
        lines = [line for line in self.seen().splitlines() if line.startswith(PROMPT)]
        return len(lines) >= count and self.seen().splitlines()[-1].strip() == PROMPT


@pytest.fixture(params=[True, False], ids=["its-pane-tells", "no-pane"])
def fish(request: pytest.FixtureRequest, a: Agent) -> Iterator[Fish]:
    for program in ("fish", "tmux"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    (a.work / "bin").mkdir()
    fix = a.work / "bin/install-it"
    fix.write_text(f"#!/bin/sh\nprintf '#!/bin/sh\\necho it works\\n' > {a.work}/bin/$1\nchmod +x {a.work}/bin/$1\n")
    fix.chmod(0o755)
    with Fish(a, tells_its_pane=request.param) as shell:
        yield shell


def states(a: Agent) -> list[str]:
    if not (a.home / "store.db").exists():
        return []
    store = Store(a.home / "store.db")
    try:
        return [one.state for one in store.incidents.all()]
    finally:
        store.close()


def test_the_known_fix_is_shown_taken_with_a_key_and_proven(a: Agent, fish: Fish) -> None:
    a.learn("bash: mytool: command not found", "install-it mytool")
    fish.type("mytool")
    fish.until(lambda: states(a) != [], "the failure is noted")

    def shown() -> bool:
        if "known fix #1: install-it mytool" in fish.seen():
            return True
        fish.tmux("send-keys", "Enter")  # the first time policy is asked, which may take longer than a prompt waits
        return False

    fish.until(shown, "the known fix")
    fish.tmux("send-keys", "M-m")
    fish.until(lambda: fish.seen().splitlines()[-1].endswith("> install-it mytool"), "the fix is on the line")
    fish.tmux("send-keys", "Enter")
    fish.until(lambda: states(a) == ["applied_not_rerun"], "the fix is noted as taken")
    fish.type("mytool")
    fish.until(lambda: "it works" in fish.seen(), "the command works")
    fish.until(lambda: states(a) == ["verified"], "the success of the command proves the fix")


def test_what_was_there_sees_the_exit_code_and_what_is_no_failure_is_not_noted(a: Agent, fish: Fish) -> None:
    fish.type("sh -c 'exit 42'")
    fish.until(lambda: fish.prompts(2), "a prompt")
    fish.type('echo "theirs=$code status=$status"')
    fish.until(lambda: "theirs=42 status=42" in fish.seen(), "the exit code")
    fish.type(" notthere-with-a-space")
    fish.type("sh -c 'kill -INT $fish_pid'")
    fish.type("notthere-at-all")
    fish.until(lambda: len(states(a)) == 1, "the failure is noted")
    assert "Traceback" not in fish.seen()


def test_a_home_that_is_broken_is_no_business_of_the_prompt(a: Agent, fish: Fish) -> None:
    shutil.rmtree(a.home, ignore_errors=True)
    a.home.write_text("no folder")
    fish.type("mytool")
    fish.until(lambda: "Unknown command" in fish.seen() and fish.prompts(2), "the next prompt")
    assert "Traceback" not in fish.seen()


def test_words_reach_fish_as_they_are(tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed here")
    odd = "a b'c\\d\\\\e$f\"g\\'h"
    text = script("fish", {"MESHTUI_HOME": odd})
    [line] = [line for line in text.splitlines() if "worked fish" in line]
    word = line.partition("MESHTUI_HOME=")[2].partition("' '")[0]
    argv = ["fish", "--no-config", "-c", f"printf %s 'MESHTUI_HOME={word}'"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"MESHTUI_HOME={odd}"
