"""Whatever is missing, the agent that calls an installed hook sees nothing of it: exit code 0, nothing printed."""

from __future__ import annotations

import atexit
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from tests.world import TIMEOUT_S

import meshcore
from meshcore.agents.hook_settings import FAIL_OPEN, PINNED, hook_command, pins_of, shared_command
from meshcore.agents.table import NAMES, program
from meshcore.service.connections import CONNECTED, fault_of, standing
from meshtui.cli.shell import script

PACKAGE = Path(meshcore.__file__).parent
ERROR = "ModuleNotFoundError: No module named 'django'"
BIG = 300_000  # characters of an output, more than a pipe holds


@cache
def used_package() -> Path:
    """Return a copy of the package that a hook has used: what it needs is compiled, as where hooks are installed."""
    root = Path(mkdtemp(prefix="meshtui-package-"))
    atexit.register(shutil.rmtree, root)
    copy = shutil.copytree(PACKAGE, root / "meshcore")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(root),
        "MESHTUI_HOME": str(root / "home"),
        "MESHTUI_PACKS": "off",
    }
    for agent in NAMES:
        command = [sys.executable, "-I", "-S", str(copy / "hookstart.py"), agent]
        for _ in range(9):  # the first call compiles: on a busy machine it gives up half-way, and the next goes on
            if not subprocess.run(command, input=payload(agent, root), env=environment, capture_output=True).returncode:
                break
    return copy


@dataclass
class Installed:
    """A hook as it is installed: the package, an interpreter, a home; each may be broken, the package in a copy."""

    root: Path
    package: Path = field(default_factory=used_package)
    prefix: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.root),
            "MESHTUI_HOME": str(self.home),
            "MESHTUI_OPERATOR_DIR": str(self.operator),
            "MESHTUI_PACKS": "off",
            "MESHTUI_BRIDGE": str(self.root / "bridge.db"),
        }
        self.python.symlink_to(sys.executable)

    def own_package(self) -> Path:
        """Return the folder of a copy for this hook alone; what it has kept compiled is void there."""
        self.package = self.root / "src" / "meshcore"
        return Path(shutil.copytree(used_package(), self.package, copy_function=_copy))

    @property
    def python(self) -> Path:
        return self.root / "python"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def operator(self) -> Path:
        return self.root / "operator"

    @property
    def stub(self) -> Path:
        return self.package / "hookstart.py"

    def command(self, agent: str) -> list[str]:
        return [*FAIL_OPEN, str(self.python), "-I", "-S", str(self.stub), agent]

    def call(self, agent: str, data: bytes, *, shell: str = "/bin/sh") -> subprocess.CompletedProcess[bytes]:
        """Call it as the agent does: a text in its settings for a shell, or for opencode's plugin a list of words."""
        words = self.command(agent)
        if agent != "opencode" or self.prefix:
            words = [shell, "-c", self.prefix + shlex.join(words)]
        return subprocess.run(words, input=data, capture_output=True, env=self.environment, timeout=TIMEOUT_S)


def _copy(source: str, target: str) -> None:
    """Copy what a test may write into; a compiled file is only ever replaced."""
    (os.symlink if source.endswith(".pyc") else shutil.copy2)(source, target)


def payload(agent: str, root: Path, output: str = ERROR) -> bytes:
    """Return a failure of its own: what another agent's hook notes of the same one, it would be told a while later."""
    return json.dumps(program(agent).sample(f"python3 {agent}.py", output, str(root), root, "call-1")).encode()


def replace_python(installed: Installed, text: str) -> None:
    installed.python.unlink()
    installed.python.write_text(text)
    installed.python.chmod(0o755)


def no_interpreter(installed: Installed) -> None:
    installed.python.unlink()


def another_interpreter(installed: Installed) -> None:
    replace_python(installed, "#!/bin/sh\necho 'unknown option -I' >&2\necho usage\nexit 2\n")


def interpreter_without_library(installed: Installed) -> None:
    replace_python(installed, "#!/bin/sh\necho 'cannot open shared object file' >&2\nexit 127\n")


def killed(installed: Installed) -> None:
    replace_python(installed, "#!/bin/sh\necho '{\"half\": '\nkill -9 $$\n")


def crashed(installed: Installed) -> None:
    replace_python(installed, "#!/bin/sh\necho half\nkill -SEGV $$\n")


def no_package(installed: Installed) -> None:
    installed.package = installed.root / "src" / "meshcore"


def no_stub(installed: Installed) -> None:
    (installed.own_package() / "hookstart.py").unlink()


def half_a_stub(installed: Installed) -> None:
    installed.own_package()
    installed.stub.write_text(installed.stub.read_text()[:200] + "\nelse(")


def broken_module(installed: Installed) -> None:
    (installed.own_package() / "hook" / "call.py").write_text("raise SystemExit('broken')")


def module_of_another_python(installed: Installed) -> None:
    (installed.own_package() / "hook" / "start.py").write_text("match x:\n  case")


def home_is_a_file(installed: Installed) -> None:
    installed.home.write_text("")


def home_is_not_to_be_made(installed: Installed) -> None:
    installed.environment["MESHTUI_HOME"] = "/proc/nowhere/home"


def no_home_named(installed: Installed) -> None:
    installed.environment = {"PATH": "/usr/bin:/bin", "HOME": "/proc/nowhere"}


def store_is_damaged(installed: Installed) -> None:
    installed.home.mkdir()
    (installed.home / "store.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)


def config_is_broken(installed: Installed) -> None:
    installed.operator.mkdir()
    (installed.operator / "config.toml").write_text("mode = [")


def operator_folder_is_a_file(installed: Installed) -> None:
    installed.operator.write_text("")


def no_path(installed: Installed) -> None:
    installed.environment["PATH"] = "/nowhere"
    no_stub(installed)


def no_memory(installed: Installed) -> None:
    installed.prefix = "ulimit -v 9000; "


def little_memory(installed: Installed) -> None:
    installed.prefix = "ulimit -v 18000; "  # the store is opened, its tables are not made


def no_files(installed: Installed) -> None:
    installed.prefix = "ulimit -n 5; "


def no_time_of_the_processor(installed: Installed) -> None:
    replace_python(installed, "#!/bin/sh\nulimit -t 0\nwhile :; do :; done\n")


def nothing_can_be_written(installed: Installed) -> None:
    installed.call("claude-code", payload("claude-code", installed.root))
    installed.prefix = "ulimit -f 0; "


BEFORE_US: tuple[Callable[[Installed], None], ...] = (
    no_interpreter,
    another_interpreter,
    interpreter_without_library,
    killed,
    crashed,
    no_package,
    no_stub,
    half_a_stub,
    module_of_another_python,
    no_path,
    no_memory,
    no_time_of_the_processor,
)
"""Nothing of ours has read which agent it is by then: one that calls through a shell, and one that calls words."""
WITH_US: tuple[Callable[[Installed], None], ...] = (
    broken_module,
    home_is_a_file,
    home_is_not_to_be_made,
    no_home_named,
    store_is_damaged,
    config_is_broken,
    operator_folder_is_a_file,
    little_memory,
    no_files,
    nothing_can_be_written,
)


@pytest.mark.parametrize(
    ("agents", "fault"),
    [(("claude-code", "opencode"), fault) for fault in BEFORE_US] + [(NAMES, fault) for fault in WITH_US],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else f"{len(value)} agents",
)
def test_no_agent_sees_what_is_wrong_with_us(
    tmp_path: Path, agents: tuple[str, ...], fault: Callable[[Installed], None]
) -> None:
    installed = Installed(tmp_path)
    fault(installed)
    for agent in agents:
        done = installed.call(agent, payload(agent, tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), agent


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
def test_every_shell_of_an_agent_reads_the_command_alike(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    odd = tmp_path / 'it\'s $HOME "here" `x` \\ é'
    odd.mkdir()
    installed = Installed(odd)
    installed.own_package()
    assert installed.call("claude-code", b'{"hook_event_name": "meshtui-check"}', shell=shell).stdout == (
        b"meshtui-check:"
    )
    installed.stub.unlink()
    done = installed.call("claude-code", payload("claude-code", odd), shell=shell)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_agent_that_still_writes_meets_no_closed_pipe(tmp_path: Path) -> None:
    installed = Installed(tmp_path)
    no_interpreter(installed)
    command = shlex.join(installed.command("codex"))
    child = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env=installed.environment)
    assert child.stdin is not None
    with child.stdin as pipe:
        assert pipe.write(payload("codex", tmp_path, "x" * BIG)) > BIG
    assert child.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("stub", ["hookstart.py", "shellstart.py"])
def test_what_hangs_is_given_up(tmp_path: Path, stub: str) -> None:
    installed = Installed(tmp_path)
    start = installed.own_package() / stub
    start.write_text(start.read_text().replace("DEADLINE_SECONDS = 8", "DEADLINE_SECONDS = 1"))
    os.mkfifo(installed.package / "pipe")
    hang = f"open({str(installed.package / 'pipe')!r})"
    (installed.package / "hook" / "call.py").write_text(hang)
    (installed.package / "hook" / "shell.py").write_text(hang)
    blocked = {signal.SIGALRM}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        if stub == "hookstart.py":
            done = installed.call("claude-code", payload("claude-code", tmp_path))
        else:
            words = [str(installed.python), "-I", "-S", str(start), "failed", "bash", "s", "1", "1", "make"]
            done = subprocess.run(words, capture_output=True, env=installed.environment, timeout=TIMEOUT_S)
            assert done.returncode == -signal.SIGALRM
            done.returncode = 0
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("agent", NAMES)
def test_what_is_installed_is_that_command_and_replaces_older_ones(tmp_path: Path, agent: str) -> None:
    installed = Installed(tmp_path)
    hooks = program(agent).hooks({"HOME": str(tmp_path)})
    path = hooks.path("user", tmp_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    old = [str(installed.python), "-I", "-S", str(installed.stub), agent]
    hooks.change(path, old).write()
    assert "older form" in standing(agent, hooks, "user", tmp_path, installed.environment)
    hooks.change(path, installed.command(agent)).write()
    assert hooks.installed_command(path) == installed.command(agent)
    text = path.read_text().removeprefix("#!/bin/sh")
    assert text.count("hookstart.py") == text.count("/bin/sh")
    assert standing(agent, hooks, "user", tmp_path, installed.environment) == CONNECTED
    assert hooks.disconnect(path) and not path.exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (no_interpreter, "python is gone: connect again"),
        (no_stub, "hookstart.py is gone: connect again"),
        (half_a_stub, "says nothing when it is called"),
        (module_of_another_python, "says nothing when it is called"),
        (broken_module, "says nothing when it is called"),
        (store_is_damaged, "store.db"),
        (config_is_broken, "config.toml"),
        (killed, "says nothing when it is called"),
    ],
)
def test_what_an_agent_does_not_see_is_said_to_the_person(
    tmp_path: Path, fault: Callable[[Installed], None], said: str
) -> None:
    installed = Installed(tmp_path)
    assert fault_of(installed.command("codex"), installed.environment) == ""
    assert not installed.home.exists(), "to be looked at changes nothing"
    fault(installed)
    assert said in fault_of(installed.command("codex"), installed.environment)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("gone", ["python", "stub"])
def test_a_shell_s_prompt_says_nothing_of_it_either(tmp_path: Path, shell: str, gone: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    text = script(shell, {"MESHTUI_HOME": str(tmp_path / "home")})
    missing = sys.executable if gone == "python" else str(PACKAGE / "shellstart.py")
    init = tmp_path / "init"
    init.write_text(text.replace(missing, str(tmp_path / "nowhere")))
    lines = f"PS1=; . {init}\nfalse\n(exit 3)\necho it was $?\n"
    options = ["--norc", "--noprofile", "-i"] if shell == "bash" else ["-f", "-i"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HISTFILE": "", "TERM": "dumb", "PS1": ""}
    with_us = subprocess.run([shell, *options], input=lines.encode(), capture_output=True, env=env, timeout=TIMEOUT_S)
    init.write_text("")
    without = subprocess.run([shell, *options], input=lines.encode(), capture_output=True, env=env, timeout=TIMEOUT_S)
    assert (with_us.returncode, with_us.stdout) == (without.returncode, without.stdout)
    assert b"it was 3" in with_us.stdout
    assert b"meshtui" not in with_us.stderr and b"nowhere" not in with_us.stderr.replace(b". " + bytes(init), b"")


def test_a_project_s_file_names_nothing_of_one_machine_and_works_wherever_meshtui_is(tmp_path: Path) -> None:
    installed = Installed(tmp_path)
    for agent in NAMES:
        hooks = program(agent).hooks({"HOME": str(tmp_path)})
        if not hooks.project_file:
            continue
        path = hooks.path("project", tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        hooks.change(path, shared_command(agent)).write()
        assert set(re.findall(r"/[a-z]+/[a-z.]+", path.read_text())) <= {"/bin/sh", "/dev/null"}, agent
        command = hooks.installed_command(path)
        assert command is not None
        environment = {**installed.environment, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, input=payload(agent, tmp_path), capture_output=True, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), agent
        assert standing(agent, hooks, "project", tmp_path, environment) == "meshtui is not on PATH"
        environment["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        assert standing(agent, hooks, "project", tmp_path, environment) == CONNECTED


def test_what_a_project_s_file_calls_is_not_called_by_us(tmp_path: Path) -> None:
    hooks = program("claude-code").hooks({"HOME": str(tmp_path)})
    path = hooks.path("project", tmp_path)
    path.parent.mkdir()
    own = hook_command("claude-code")
    for command in (
        ["/bin/sh", "-c", f"touch {tmp_path}/called # meshcore/hookstart.py"],
        [*FAIL_OPEN, "/bin/sh", "-c", f"touch {tmp_path}/called # meshcore/hookstart.py", "claude-code"],
        [*own, "MESHTUI_HOME=/x", "; touch called"],
        [*shared_command("claude-code"), "more"],
    ):
        hooks.change(path, command).write()
        said = standing("claude-code", hooks, "project", tmp_path, {"PATH": "/usr/bin:/bin"})
        assert "was not called" in said
        assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("where", ["elsewhere", ""])
def test_what_is_pinned_holds_whatever_environment_the_agent_has(tmp_path: Path, where: str) -> None:
    installed = Installed(tmp_path)
    pins = dict(installed.environment) | {"MESHTUI_AGENT": "me@here", "MESHTUI_HOST": "here"}
    installed.environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "another")}
    if where:
        installed.environment |= {name: str(tmp_path / where) for name in PINNED}
    command = [
        *installed.command("claude-code"),
        *hook_command("claude-code", pins)[len(hook_command("claude-code")) :],
    ]
    body = payload("claude-code", tmp_path)
    done = subprocess.run(command, input=body, capture_output=True, env=installed.environment, timeout=TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, b"")
    with closing(sqlite3.connect(installed.home / "store.db")) as database:
        assert database.execute("SELECT agent, host FROM incidents").fetchall() == [("me@here", "here")]
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / "another").exists()
    assert pins_of(command, "claude-code") == {name: pins[name] for name in PINNED}
