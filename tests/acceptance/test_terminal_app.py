"""The real program in a real tmux, beside a mesh that heals: what an operator sees, read off the screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.world import Agent, World, wait_for

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and not os.environ.get("CI"), reason="tmux is not installed: apt-get install tmux"
)


class Screen:
    """One tmux server with one window in which `meshtui` runs."""

    def __init__(self, agent: Agent, folder: Path, columns: int, lines: int) -> None:
        self.socket = folder / "tmux.sock"
        self.agent = agent
        words = [
            "-f",
            "/dev/null",
            "start-server",
            ";",
            "set-option",
            "-g",
            "remain-on-exit",
            "on",
            ";",
            "new-session",
            "-d",
            "-x",
            str(columns),
            "-y",
            str(lines),
            "-c",
            str(agent.work),
        ]
        # What a shell exported of another window's size is none of the app's business.
        variables = [f"{k}={v}" for k, v in {**agent.environment, "COLUMNS": "80", "LINES": "24"}.items()]
        self.tmux(*words, "env", *variables, *agent.command())

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), *words],
            capture_output=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            timeout=30,
        )
        return (done.stdout + done.stderr).decode()

    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def wait_for(self, text: str) -> None:
        try:
            wait_for(lambda: text in self.text(), f"{text!r} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}, which shows:\n{self.text()}") from None

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))


@pytest.fixture
def screen(world: World, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(world.agent("b"), tmp_path, 120, 36)
    yield screen
    screen.tmux("kill-server")


def test_an_operator_sees_the_healing_arrive_filters_resizes_and_quits(screen: Screen, world: World) -> None:
    a, b = world.agent("a"), screen.agent
    screen.wait_for("meshtui run -- python app.py")
    screen.wait_for("● bridge")

    a.run(*a.app)
    a.learn()
    a.call("heal", "last")
    screen.wait_for("✓ verified")
    done = b.run(*b.app)
    assert done.returncode == 0, done.stderr
    # The header shortens its words where times that took longer need the room.
    wait_for(lambda: re.search("verified 2 of 2|✓ 2/2", screen.text()) is not None, "both verified, in the header")
    assert screen.text().count("✓ verified") >= 2

    screen.press("Enter")
    screen.wait_for("decision")  # long paths may push the rerun below the last line
    screen.press("Escape")
    wait_for(lambda: "esc the list" not in screen.text(), "the list")
    screen.press("/")
    wait_for(lambda: "\n find" in screen.text(), "the line to type in")
    screen.press("-l", "no such thing")
    screen.wait_for("nothing here contains")
    screen.press("Escape")
    screen.wait_for("No module named 'django'")

    screen.resize(80, 24)
    wait_for(lambda: "✓ 2/2" in screen.text(), "the header of a narrow terminal")
    screen.resize(50, 12)
    screen.wait_for("60×16")
    screen.resize(100, 30)
    screen.wait_for("No module named 'django'")

    screen.press("q")
    wait_for(lambda: b.ask("status")["runtime"] is None, "the runtime has left")
    assert '"runtime.stopped"' in (b.home / "journal.jsonl").read_text().splitlines()[-1]
