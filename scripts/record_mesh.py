"""Record a real mesh in a folder: several agents on one host fail and heal for some minutes, all of it through the CLI.

Two homes with a running runtime and one that joined and went to sleep, five agents, one operator, one bridge. What is
shown later is what happened here: every failure is a command that failed, every fix one that was applied.

    python scripts/record_mesh.py DIR [--offline] [--hole SECONDS] [--pause SECONDS]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from meshcore.demo.stage import PROGRAM, build_stand_in

HOST = "dev1"
STEP_SECONDS = 300
PYTHON = ".venv/bin/python"
FILES = {
    "app.py": PROGRAM,
    "report.py": 'from pathlib import Path\n\nPath("build/report.txt").write_text("all is well")\nprint("written")\n',
    "parse.py": 'import yaml\n\nprint("parsed", yaml.safe_load("{a: 1}"))\n',
    "stats.py": "samples = []\nprint(sum(samples) / len(samples))\n",
    "setup_db.py": 'import sys\n\nsys.exit("Error: pg_config executable not found.")\n',
    "sync.py": 'import socket, time\n\ntime.sleep(0.8)\nsocket.create_connection(("127.0.0.1", 1))\n',
    "deploy.sh": "./release.sh\n",
    "release.sh": "#!/bin/sh\necho released\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\n',
}
_YAML = 'def safe_load(text):\n    return {"a": 1} if text == "{a: 1}" else None\n'


@dataclass
class Mesh:
    """The folder of a recording, and the environment that leads everything into it."""

    root: Path
    runtimes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def bridge(self) -> Path:
        return self.root / "claude_bridge_enhanced.db"

    @property
    def runs(self) -> Path:
        return self.root / "workflow_results/runs"

    @property
    def wheels(self) -> Path:
        return self.root / "wheels"

    def environment(self, home: str, agent: str) -> dict[str, str]:
        """Return the environment of an agent."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.root / "user"),
            "USER": "anna",
            "GIT_CONFIG_NOSYSTEM": "1",
            "MESHTUI_HOME": str(self.root / "homes" / home),
            "MESHTUI_OPERATOR_DIR": str(self.root / "operator"),
            "MESHTUI_BRIDGE": str(self.bridge),
            "MESHTUI_PACKS": "off",  # the pictures are of what is learnt
            "MESHTUI_HOST": HOST,
            "MESHTUI_AGENT": agent,
        }

    def start(self) -> None:
        """Start the runtime of both homes that have one."""
        for home, agent in (("dev", f"anna@{HOST}"), ("ci", f"ci@{HOST}")):
            self.runtimes.append(
                subprocess.Popen(
                    _meshtui("--no-ui"), env=self.environment(home, agent), stdout=subprocess.DEVNULL, cwd=self.root
                )
            )

    def stop(self) -> None:
        """End the runtimes; from here on nobody listens."""
        for runtime in self.runtimes:
            runtime.send_signal(signal.SIGTERM)
        for runtime in self.runtimes:
            runtime.wait(STEP_SECONDS)
        self.runtimes.clear()


class Agent:
    """An agent at work: its home, its kind, a project folder with a virtual environment of its own."""

    def __init__(self, mesh: Mesh, home: str, name: str, via: str) -> None:
        self.via = via
        self.work = mesh.root / name
        self.environment = mesh.environment(home, f"{name}@{HOST}")
        self._wheels = mesh.wheels

    def prepare(self) -> subprocess.Popen[bytes]:
        """Write the project; begin to make its virtual environment."""
        self.work.mkdir(parents=True)
        for name, text in FILES.items():
            (self.work / name).write_text(text)
        subprocess.run(["git", "init", "--quiet"], cwd=self.work, env=self.environment, check=True)
        return subprocess.Popen([sys.executable, "-m", "venv", str(self.work / ".venv")])

    def use_wheels(self) -> None:
        """Take packages from the recording's own folder from now on."""
        self.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self._wheels)}

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Give one `meshtui` command, as a person or program would, and show it."""
        done = subprocess.run(
            _meshtui(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.work,
            env=self.environment,
            timeout=STEP_SECONDS,
        )
        words = " ".join(arguments)
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        print(f"{self.environment['MESHTUI_AGENT']:<18} {words}\n{'':<18} → {done.returncode}  {''.join(last)[:110]}")
        return done

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command under the mesh."""
        return self.call("run", "--via", self.via, "--", *argv)

    def learn(self, failed: subprocess.CompletedProcess[str], fix: str) -> None:
        """Teach a fix for what a command has just said."""
        command = shlex.join(failed.args[failed.args.index("--") + 1 :])
        self.call("learn", "--error-file", "-", "--command", command, "--fix", fix, stdin=failed.stderr)

    def ask(self, *arguments: str) -> Any:
        """Return what a command prints with --json."""
        done = subprocess.run(
            _meshtui(*arguments, "--json"), capture_output=True, text=True, cwd=self.work, env=self.environment
        )
        return json.loads(done.stdout)


def _meshtui(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "meshtui", *arguments]


def build_wheels(folder: Path) -> None:
    """Build the tiny stand-ins that this recording installs."""
    build_stand_in(folder)
    info = "pyyaml-0.0.dev0.dist-info"
    with zipfile.ZipFile(folder / "pyyaml-0.0.dev0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("yaml.py", _YAML)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: pyyaml\nVersion: 0.0.dev0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: meshtui\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(
            f"{info}/RECORD", "yaml.py,,\n" + "".join(f"{info}/{n},,\n" for n in ("METADATA", "WHEEL", "RECORD"))
        )


def record(root: Path, *, offline: bool, hole: float, pause: float, live: Callable[[], None] = lambda: None) -> Path:
    """Play the working day in `root`, an empty folder; return the home that saw it. `hole`, `pause`: seconds.

    `live` is called at the end, while the runtimes still run.
    """
    mesh = Mesh(root)
    (root / "user").mkdir(parents=True)
    build_wheels(mesh.wheels)
    anna = Agent(mesh, "dev", "anna", "shell")
    claude = Agent(mesh, "dev", "claude-code", "claude-code")
    codex = Agent(mesh, "dev", "codex", "codex")
    ci = Agent(mesh, "ci", "ci", "ci")
    gemini = Agent(mesh, "ci", "gemini", "gemini")
    agents = [anna, claude, codex, ci, gemini]
    for maker in [agent.prepare() for agent in agents]:
        maker.wait(STEP_SECONDS)
    for agent in agents:
        if offline or agent in (gemini, anna):
            agent.use_wheels()
    # A third node joins and goes to sleep: what is told from now on waits for it.
    _look_in(mesh)
    mesh.start()
    try:
        _morning(anna, claude, codex, ci, gemini, pause)
        mesh.stop()
        time.sleep(hole)
        _look_in(mesh)
        mesh.start()
        _afternoon(mesh, anna, claude, codex, ci, gemini, pause)
        live()
    finally:
        mesh.stop()
    return root / "homes/dev"


def _look_in(mesh: Mesh) -> None:
    """Let the third node read what there is."""
    subprocess.run(
        _meshtui("status"), env=mesh.environment("berta", f"berta@{HOST}"), check=True, stdout=subprocess.DEVNULL
    )


def _morning(anna: Agent, claude: Agent, codex: Agent, ci: Agent, gemini: Agent, pause: float) -> None:
    failed = claude.run(PYTHON, "app.py")
    claude.learn(failed, "pip install django")
    claude.call("heal", "last")
    time.sleep(pause)

    failed = ci.run(PYTHON, "report.py")
    ci.learn(failed, "mkdir -p build")
    ci.call("heal", "last")
    ci.run(PYTHON, "app.py")
    time.sleep(pause)

    failed = codex.run("sh", "deploy.sh")
    codex.learn(failed, "chmod +x release.sh")
    codex.call("heal", "last")
    codex.run(PYTHON, "report.py")
    time.sleep(pause)

    failed = gemini.run(PYTHON, "parse.py")
    gemini.learn(failed, "pip install pyyaml")
    gemini.call("heal", "last")
    gemini.run("sh", "deploy.sh")  # what a shell prints may be another program's: a person is asked
    anna.run(PYTHON, "stats.py")  # nothing known answers it
    for agent in (claude, codex, gemini):
        agent.run(PYTHON, "sync.py")  # nor this, which each of them meets again
    time.sleep(pause)


def _afternoon(mesh: Mesh, anna: Agent, claude: Agent, codex: Agent, ci: Agent, gemini: Agent, pause: float) -> None:
    waiting = next(one for one in gemini.ask("approvals", "list")["approvals"] if one["cwd"].endswith("/gemini"))
    gemini.call("approvals", "approve", waiting["approval_id"])
    gemini.run(PYTHON, "report.py")
    anna.run(PYTHON, "app.py")
    time.sleep(pause)

    claude.run(PYTHON, "parse.py")
    failed = ci.run(PYTHON, "setup_db.py")
    ci.learn(failed, "apt-get install -y libpq-dev")
    ci.call("heal", "last")  # a package of the system: it waits for a person
    claude.run(PYTHON, "setup_db.py")
    time.sleep(pause)

    for agent in (claude, codex, claude):
        agent.run(PYTHON, "sync.py")
    for agent in (codex, gemini):
        agent.run(PYTHON, "stats.py")
    write_runs(mesh, claude)
    claude.call("validate", "--runs-root", str(mesh.runs))
    claude.call("monitor", "--skip-tests")
    claude.run("sh", "deploy.sh")
    time.sleep(pause)
    codex.run(PYTHON, "app.py")
    time.sleep(1.0)


def write_runs(mesh: Mesh, agent: Agent) -> None:
    """Write the artifacts of a run for each verified incident; those of the first have two mistakes."""
    found = [item for item in agent.ask("incidents", "list")["incidents"] if item["state"] == "verified"]
    for number, item in enumerate(reversed(found)):
        shown = agent.ask("incidents", "show", item["incident_id"])["incident"]
        folder = mesh.runs / f"heal-{item['incident_id'][:8]}"
        folder.mkdir(parents=True)
        graph, sound = _graph(folder.name, shown), number > 0
        if not sound:
            graph["steps"][-1]["status"] = "done"
        (folder / "step_graph.json").write_text(json.dumps(graph, indent=1))
        (folder / "trace_events.json").write_text(json.dumps(_trace(folder.name, shown), indent=1))
        (folder / "gold_review.yaml").write_text(
            "metadata: {evaluator: record_mesh}\nexecution_context: {}\n"
            "expected_outcomes: {deliverables: [], commands: []}\n"
            f"run_observation: {{build_id: {folder.name}}}\n"
            f"metric_scores: {{fidelity: {{verified: 1.0}}, efficiency: {{seconds: {item['seconds']:.2f}}}}}\n"
            f"annotations: []\nverdict: {{pass: {'true' if sound else 'yes, it did'}}}\n"
        )


def _graph(run_id: str, incident: dict[str, Any]) -> Any:
    at = [event["at"] for event in incident["events"]]
    kinds = [event["kind"] for event in incident["events"]]
    steps = [
        {
            "id": f"{number}-{kind}",
            "kind": "system",
            "status": "succeeded",
            "started_at": moment,
            "completed_at": moment,
        }
        for number, (kind, moment) in enumerate(zip(kinds, at, strict=True))
    ]
    return {
        "schema_version": "v1.0",
        "graph_id": run_id,
        "run_context": {"video_url": f"https://example.org/{run_id}", "run_id": run_id, "initiated_at": at[0]},
        "steps": steps,
        "edges": [{"from": a["id"], "to": b["id"]} for a, b in pairwise(steps)],
    }


def _trace(run_id: str, incident: dict[str, Any]) -> Any:
    return [
        {
            "event_id": f"e{event['seq']}",
            "event_type": "log.appended",
            "emitted_at": event["at"],
            "run_id": run_id,
            "severity": "info",
            "source": {"component": "meshtui", "agent_id": incident["agent"]},
            "payload": {"stream": "stdout", "text": event["kind"], "sequence": event["seq"]},
        }
        for event in incident["events"]
    ]


def make_room(root: Path) -> bool:
    """Remove an older recording; False where a folder holds something else."""
    if root.exists() and any(root.iterdir()) and not (root / "homes").is_dir():
        return False
    shutil.rmtree(root, ignore_errors=True)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Record into a new folder; print which home saw all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder, or one of an older recording, which is replaced")
    parser.add_argument("--offline", action="store_true", help="no package index: stand-ins only")
    parser.add_argument("--hole", type=float, default=25.0, help="seconds in which no runtime runs")
    parser.add_argument("--pause", type=float, default=12.0, help="seconds between the chapters")
    given = parser.parse_args(arguments)
    root: Path = given.folder.absolute()
    if not make_room(root):
        print(f"{root} holds something else; name another folder", file=sys.stderr)
        return 2
    started = time.monotonic()
    home = record(root, offline=given.offline, hole=given.hole, pause=given.pause)
    print(f"recorded in {time.monotonic() - started:.0f} s: {home}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
