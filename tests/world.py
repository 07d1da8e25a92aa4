"""A mesh of real processes in one folder: an operator, a bridge, and agents that are run as a user would run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests import warm

ERROR = "ModuleNotFoundError: No module named 'django'"
FIX = "pip install django"
TIMEOUT_S = 60

PROGRAM = """\
import os, sys
sys.path.insert(0, os.path.join(os.environ["FAKE_SITE"], "site"))
import django
print("it works", *sys.argv[1:])
"""

PYTHON = """\
#!/bin/sh
venv=$(dirname "$(dirname "$0")")
[ "$1" = -I ] && shift
if [ "$1 $2" = "-m pip" ]; then
    case " $* " in *" --dry-run "*) exec {python} "$venv/pip_says.py" "$@";; esac
    echo "$@" >> "$venv/pip.log"
    for name; do :; done
    name=${name%%=*}
    if [ -e "$venv/pip-fails" ]; then echo "ERROR: no matching distribution" >&2; exit 1; fi
    if [ -e "$venv/pip-waits" ]; then : > "$venv/pip-waiting"; while [ -e "$venv/pip-waits" ]; do sleep 0.02; done; fi
    mkdir -p "$venv/site/$name" && : > "$venv/site/$name/__init__.py"
    exit 0
fi
FAKE_SITE="$venv" exec {python} -S "$@"
"""
"""A virtual environment's python as far as these tests need one: its pip writes down what it is asked, and does it."""

PIP_SAYS = """\
import json, pathlib, re, sys, zipfile
here = pathlib.Path(__file__).parent
report = pathlib.Path(sys.argv[sys.argv.index("--report") + 1])
name = next(word for word in sys.argv[sys.argv.index("install") + 1 :] if not word.startswith("-"))
if (here / "pip-fails").exists():
    sys.exit("ERROR: no matching distribution")
wheel = here / f"{re.sub('[-.]', '_', name)}-1.0-py3-none-any.whl"
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr(f"{name}/__init__.py", "")
    if (here / "pip-evil").exists():
        archive.writestr("evil.pth", "import os")
offered = {"metadata": {"name": name, "version": "1.0"}, "download_info": {"url": wheel.as_uri(), "archive_info": {}}}
report.write_text(json.dumps({"install": [offered]}))
"""
"""What its pip says that it would install."""


class Agent:
    """One agent: a home, a folder of work, a virtual environment, and the `meshtui` command."""

    def __init__(self, world: World, name: str, operator: str) -> None:
        self.world = world
        self.name = name
        self.home = world.root / name / "home"
        self.work = world.root / name / "work"
        self.venv = world.root / name / "venv"
        self.operator = world.root / operator
        self.work.mkdir(parents=True)
        (self.work / "app.py").write_text(PROGRAM)
        (self.venv / "bin").mkdir(parents=True)
        (self.venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
        python = self.venv / "bin" / "python"
        python.write_text(PYTHON.replace("{python}", sys.executable))
        (self.venv / "pip_says.py").write_text(PIP_SAYS)
        python.chmod(0o755)
        self.environment = {
            **world.environment,
            "MESHTUI_HOME": str(self.home),
            "MESHTUI_AGENT": name,
            "MESHTUI_OPERATOR_DIR": str(self.operator),
        }

    @property
    def app(self) -> tuple[str, str]:
        """The command that fails until django is there."""
        return (str(self.venv / "bin" / "python"), "app.py")

    @property
    def pip_log(self) -> list[str]:
        """What pip was asked to do."""
        log = self.venv / "pip.log"
        return log.read_text().splitlines() if log.exists() else []

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "meshtui", *arguments]

    def call(
        self,
        *arguments: str,
        stdin: str | bytes | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `meshtui` to its end; without `stdin` it reads nothing.

        Unless the world starts programs anew, it is forked from a process that has imported it.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        environment = {**self.environment, **(env or {})}
        if not self.world.starts_anew and warm.fits(environment):
            done = warm.warm().run(arguments, data, cwd or self.work, environment, TIMEOUT_S)
        else:
            done = subprocess.run(
                self.command(*arguments),
                input=data,
                stdin=subprocess.DEVNULL if data is None else None,
                capture_output=True,
                cwd=cwd or self.work,
                env=environment,
                timeout=TIMEOUT_S,
            )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def run(self, *argv: str, mode: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command under the mesh."""
        return self.call("run", *(["--mode", mode] if mode else []), "--", *argv, **options)

    def ask(self, *arguments: str) -> Any:
        """Run a command with --json; return what is in it beside the version."""
        done = self.call(*arguments, "--json")
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        assert answer.pop("schema_version") == 1
        [payload] = answer.values()
        return payload

    def learn(self, error: str = ERROR, fix: str = FIX) -> str:
        """Teach a fix; return the skill's id."""
        skill_id: str = self.ask("learn", "--error", error, "--fix", fix)["skill_id"]
        return skill_id

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `meshtui` and leave it running, its output in pipes."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.work,
            env=self.environment,
        )


class Listener:
    """A running `meshtui --no-ui --json`; use as a context manager."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Listener:
        self.process = self.agent.start("--no-ui", "--json")
        self.wait_for("runtime.started")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def wait_for(self, kind: str, **fields: object) -> dict[str, Any]:
        """Return the next event of a kind with these fields."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            self.events.append(event)
            if event["kind"] == kind and all(event.get(name) == value for name, value in fields.items()):
                return event
        raise AssertionError(f"the listener ended before {kind}: {self.process.communicate()[1]}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode


class World:
    """Everything in one folder; nothing of the user's own is touched."""

    starts_anew = False
    """Whether each call starts an interpreter: for tests about that start, and about what others see of the process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bridge = root / "claude_bridge_enhanced.db"
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(root / "user"),
            "LANG": "C.UTF-8",
            "MESHTUI_BRIDGE": str(self.bridge),
            "MESHTUI_CONTAINMENT": "off",
            "MESHTUI_PACKS": "off",
            "MESHTUI_HOST": "host1",
            "PYTHONUNBUFFERED": "1",
        }
        (root / "user").mkdir()

    def agent(self, name: str, operator: str = "operator") -> Agent:
        return Agent(self, name, operator)


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Return once something holds. Raises AssertionError after half a minute."""
    deadline = time.monotonic() + TIMEOUT_S / 2
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


def lines_of_ours(stderr: str) -> list[str]:
    """Return what the mesh itself says on standard error."""
    return [line for line in stderr.splitlines() if line.startswith("meshtui:")]


def only_one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on standard error that a failure says."""
    lines: Sequence[str] = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]
