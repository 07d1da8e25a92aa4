"""The demo's stage: two agents with homes and environments of their own, a stand-in package, and how they are asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from meshcore.errors import MeshError

PACKAGE = "django"
PROGRAM = '''"""A small Django program: it renders one template."""

import django
from django.conf import settings
from django.template import Context, Engine

settings.configure(USE_I18N=False)
print(Engine().from_string("Django {{ version }} renders this.").render(Context({"version": django.get_version()})))
'''
STAND_IN_VERSION = "0.0.dev0"
_STAND_IN = {
    "django/__init__.py": f'def get_version():\n    return "{STAND_IN_VERSION} (a stand-in built by the demo)"\n',
    "django/conf.py": (
        "class _Settings:\n    def configure(self, **options):\n        pass\n\n\nsettings = _Settings()\n"
    ),
    "django/template.py": (
        "class Context(dict):\n    pass\n\n\n"
        "class Engine:\n    def from_string(self, text):\n        self.text = text\n        return self\n\n"
        "    def render(self, context):\n        text = self.text\n        for name, value in context.items():\n"
        '            text = text.replace("{{ " + name + " }}", str(value))\n        return text\n'
    ),
}
STEP_SECONDS = 300


class DemoError(MeshError):
    """A step of the demo did not do what it should; the message says which, and what was printed."""


class Agent:
    """One agent of the story: its own home, folder and virtual environment."""

    def __init__(self, root: Path, name: str, environment: Mapping[str, str], meshtui: Sequence[str]) -> None:
        self.name = name
        self.home = root / name / "home"
        self.work = root / name / "work"
        self.venv = root / name / "venv"
        self.environment = {**environment, "MESHTUI_HOME": str(self.home), "MESHTUI_AGENT": name}
        self._meshtui = list(meshtui)

    def move(self, machine: str, bridge: str) -> None:
        """Let it live in a network namespace, where the mesh is reached at an address."""
        self._meshtui = ["ip", "netns", "exec", machine, *self._meshtui]
        self.environment |= {"MESHTUI_BRIDGE": bridge, "MESHTUI_HOST": self.name}

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")

    def start_environment(self, pip: Sequence[Path]) -> subprocess.Popen[bytes]:
        """Begin to make the virtual environment, with what `whole_pip` found, else with the interpreter's own pip."""
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "app.py").write_text(PROGRAM)
        bare = ["--without-pip"] if pip else []
        return subprocess.Popen(
            [sys.executable, "-m", "venv", *bare, str(self.venv)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def finish_environment(self, maker: subprocess.Popen[bytes], pip: Sequence[Path]) -> None:
        """Wait until the virtual environment is made. Raises DemoError, OSError."""
        _, errors = maker.communicate(timeout=STEP_SECONDS)
        if maker.returncode:
            raise DemoError(f"{self.name}: no virtual environment ({errors.decode(errors='replace').strip()[-300:]})")
        packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(self.venv)}))
        for folder in pip:
            shutil.copytree(folder, packages / folder.name)

    def command(self, *arguments: str) -> list[str]:
        return [*self._meshtui, *arguments]

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one `meshtui` command as this agent, in its folder."""
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.work,
            env=self.environment,
            timeout=STEP_SECONDS,
        )

    def ask(self, *arguments: str) -> Any:
        """Run a command with --json and return what it prints. Raises DemoError."""
        done = self.call(*arguments, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise DemoError(
                f"{self.name}: meshtui {' '.join(arguments)}: {done.stderr.strip() or done.stdout}"
            ) from error


class Events:
    """The JSON lines of a running `meshtui --no-ui`, read one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._seen: list[dict[str, Any]] = []

    def wait_for(self, kind: str, **fields: str) -> dict[str, Any]:
        """Return the first event of a kind with these fields, now or later. Raises DemoError."""

        def fits(event: dict[str, Any]) -> bool:
            return event["kind"] == kind and all(event.get(k) == v for k, v in fields.items())

        for event in self._seen:
            if fits(event):
                return event
        if self._process.stdout is None:
            raise DemoError("the listener has no output")
        for line in self._process.stdout:
            latest: dict[str, Any] = json.loads(line)
            self._seen.append(latest)
            if fits(latest):
                return latest
        raise DemoError(f"the listener ended before {kind}")


def environment_in(root: Path) -> dict[str, str]:
    """Return this process's environment, with everything of the mesh led into `root`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MESHTUI_", "VIRTUAL_ENV", "PYTHON"))
    }
    if mode := os.environ.get("MESHTUI_CONTAINMENT"):
        kept["MESHTUI_CONTAINMENT"] = mode
    return {
        **kept,
        "MESHTUI_OPERATOR_DIR": str(root / "operator"),
        "MESHTUI_PACKS": "off",  # the story is of what is learnt
        "MESHTUI_BRIDGE": str(root / "claude_bridge_enhanced.db"),
        "PYTHONUNBUFFERED": "1",
    }


def whole_pip() -> tuple[Path, ...]:
    """Return the folders of the pip beside this program, to be copied: unpacking another takes seconds.

    None where this is no virtual environment: there a distribution may have taken pip apart.
    """
    if sys.prefix == sys.base_prefix:
        return ()
    try:
        found = distribution("pip")
        folders = {Path(str(found.locate_file(file.parts[0]))) for file in found.files or () if file.parts[0] != ".."}
    except PackageNotFoundError:
        return ()
    return tuple(sorted(folders)) if folders and all(folder.is_dir() for folder in folders) else ()


def build_stand_in(folder: Path) -> Path:
    """Build a tiny wheel named django in `folder`, without any tool; return the folder."""
    return build_wheel(folder, PACKAGE, STAND_IN_VERSION, _STAND_IN)


def build_wheel(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Build a wheel of these files (path → text) in `folder`, without any tool; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    held = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: meshtui-demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*held, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**held, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
    return folder


def agents_in(root: Path) -> tuple[Agent, Agent]:
    """Return the two agents of the story that is played in a folder."""
    environment, meshtui = environment_in(root), [sys.executable, "-m", "meshtui"]
    return Agent(root, "agent_a_test", environment, meshtui), Agent(root, "agent_b_test", environment, meshtui)
