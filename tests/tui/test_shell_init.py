"""The prompt hook in real shells: the known fix after a failure, a key that takes it, and nothing in anybody's way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.tui.shells import PROMPT, Shell
from tests.world import Agent, wait_for

from meshcore.model import Incident
from meshcore.store.store import Store
from meshtui.cli.shell import script

SETTINGS = {
    "bash": "PS1='ready> '\nbind 'set enable-bracketed-paste off'\nPROMPT_COMMAND='theirs=$?'\n",
    "zsh": "PS1='ready> '\nPROMPT_EOL_MARK=\nunset zle_bracketed_paste\nprecmd() { theirs=$? }\n",
}
SAYS = {"bash": "bash: mytool: command not found", "zsh": "zsh: command not found: mytool"}


@pytest.fixture(params=["bash", "zsh"])
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    if shutil.which(found) is None:
        pytest.skip(f"{found} is not installed here")
    return found


@pytest.fixture
def shell(name: str, a: Agent) -> Iterator[Shell]:
    """A shell with the prompt hook; `install-it` is what makes `mytool` exist."""
    bin_folder = a.work / "bin"
    bin_folder.mkdir()
    fix = bin_folder / "install-it"
    fix.write_text(f"#!/bin/sh\nprintf '#!/bin/sh\\necho tool\\n' > {bin_folder}/$1\nchmod +x {bin_folder}/$1\n")
    fix.chmod(0o755)
    init = script(name, {})
    path = f"{bin_folder}:{Path(sys.executable).parent}:{a.environment['PATH']}"
    settings = SETTINGS[name] + init
    with Shell(name, settings, a.work, {**a.environment, "PATH": path, "PS1": PROMPT}) as shell:
        yield shell


def incidents(a: Agent) -> list[Incident]:
    if not (a.home / "store.db").exists():
        return []
    store = Store(a.home / "store.db")
    try:
        return store.incidents.all()
    finally:
        store.close()


def states(a: Agent) -> list[str]:
    return [one.state for one in incidents(a)]


def test_the_known_fix_is_shown_taken_with_a_key_and_proven(name: str, a: Agent, shell: Shell) -> None:
    a.learn(SAYS[name], "install-it mytool")
    shell.type("mytool\n")
    if name == "bash":  # the first time policy is asked, which may take longer than a prompt waits
        wait_for(lambda: "known fix #1: install-it mytool" in shell.run(""), "the known fix")
    else:
        shell.read_to("known fix #1: install-it mytool")
        shell.read_to(PROMPT)
    shell.type("\x1bm")
    shell.read_to("install-it mytool")
    shell.run("")
    wait_for(lambda: states(a) == ["applied_not_rerun"], "the fix is noted as taken")
    assert "tool" in shell.run("mytool")
    wait_for(lambda: states(a) == ["verified"], "the success of the command proves the fix")


def test_without_a_known_fix_the_key_runs_the_command_again_under_the_mesh(shell: Shell) -> None:
    assert "Alt-m after a failure" in shell.run("sh -c 'exit 3'")
    assert "Alt-m" not in shell.run("sh -c 'exit 4'")
    shell.type("\x1bm")
    shell.read_to("meshtui run -- sh -c 'exit 4'")
    shell.type("\x15")
    shell.run("false | false")
    shell.type("\x1bm")
    shell.read_to("meshtui run -- bash -c 'false | false'")


def test_what_was_there_before_works_on_and_sees_the_exit_code(name: str, shell: Shell) -> None:
    shell.run("sh -c 'exit 42'")
    assert "theirs=42" in shell.run('echo "theirs=$theirs"')
    shell.run("sh -c 'exit 43'")
    shell.run("")
    assert "code=43" in shell.run('echo "code=$?"')
    before = shell.run("echo $precmd_functions $PROMPT_COMMAND").replace("\r", "")
    shell.run(f'eval "$({sys.executable} -m meshtui shell-init {name})"')
    assert shell.run("echo $precmd_functions $PROMPT_COMMAND").replace("\r", "") == before


def test_what_is_no_failure_of_a_command_is_not_noted(name: str, a: Agent, shell: Shell) -> None:
    shell.run("HISTCONTROL=ignorespace")
    shell.run("")
    shell.run(" notthere-with-a-space")
    shell.run("grep nothing /dev/null")
    shell.run("sh -c 'kill -INT $$'")
    shell.run("meshtui run -- notthere-under-the-mesh")
    shell.run("notthere-at-all")
    wait_for(lambda: len(states(a)) == 2, "the failure is noted")
    assert sorted(one.argv[0] for one in incidents(a)) == ["notthere-at-all", "notthere-under-the-mesh"]


def test_a_broken_home_is_no_business_of_the_prompt(name: str, a: Agent, shell: Shell) -> None:
    shutil.rmtree(a.home, ignore_errors=True)
    a.home.write_text("no folder")
    shown = shell.run("mytool")
    assert "not found" in shown
    assert "Traceback" not in shown
    assert "code=127" in shell.run('(exit 127); echo "code=$?"')


def test_inside_tmux_the_pane_tells_what_the_command_said(name: str, a: Agent) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed here")
    a.learn()
    (a.work / "boom.py").write_text("import django\n")
    folder = a.work / "tmux"
    folder.mkdir()
    init = script(name, {})
    made = Shell(name, SETTINGS[name] + init, a.work, {**a.environment, "TMUX_TMPDIR": str(folder), "SHELL": "/bin/sh"})
    tmux = ["tmux", "-L", "test", "-f", "/dev/null"]

    def call(*arguments: str) -> str:
        done = subprocess.run([*tmux, *arguments], env=made.environment, capture_output=True, text=True, check=True)
        return done.stdout

    try:
        call("new-session", "-d", "-x", "150", "-y", "40", "-c", str(a.work), *made.command)
        wait_for(lambda: PROMPT.strip() in call("capture-pane", "-p"), "the prompt")
        call("send-keys", f"{sys.executable} -S boom.py", "Enter")
        wait_for(lambda: len(states(a)) == 1, "the failure is noted")
        assert incidents(a)[0].signature.error_type == "ModuleNotFoundError"
    finally:
        call("kill-server")


def test_another_shell_is_a_mistake_of_one_line(a: Agent) -> None:
    done = a.call("shell-init", "tcsh")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
