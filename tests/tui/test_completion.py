"""Words of meshtui that a shell completes, in real shells."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.world import Agent

COMPLETE = {
    "bash": 'eval "$(meshtui completion bash)"; COMP_WORDS=({0}); COMP_CWORD={1}; _meshtui_completion meshtui; '
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": 'compdef() {{ :; }}; eval "$(meshtui completion zsh)"; words=({0}); CURRENT={1}+1; '
    "compadd() {{ print -l -- $@; }}; _describe() {{ print -l -- ${{(P)@[-1]}} ${{(P)@[3]}}; }}; _meshtui_completion",
    "fish": "meshtui completion fish | source; complete -C '{0}'",
}


@pytest.mark.parametrize("shell", COMPLETE)
@pytest.mark.parametrize(("words", "wanted"), [("meshtui unso", "unsolved"), ("meshtui skills qua", "quarantine")])
def test_a_shell_completes_commands(shell: str, words: str, wanted: str, a: Agent) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    path = f"{Path(sys.executable).parent}:{a.environment['PATH']}"
    text = COMPLETE[shell].format(words, len(words.split()) - 1)
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *options, "-c", text], env={**a.environment, "PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert wanted in done.stdout, done.stderr
    assert "Usage" not in done.stdout
