"""Let one agent's fix arrive at another through the installed hook, and save what was said as a picture.

    python scripts/agent_picture.py [--out DIR]

Each command is really run, in two projects with an environment each; what came of it goes to `hookstart.py` in the form
that Claude Code and Codex send, and what the hook answers is what the picture shows. A tiny stand-in wheel takes the
place of Django, so that no index is needed. SVG, and the same as PNG by Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

from meshcore.agents.hook_settings import hook_command
from meshcore.agents.table import program
from meshcore.demo.stage import PROGRAM, build_stand_in
from screenshots import plain_fonts, rasterise  # type: ignore[attr-defined]

ROOT = Path("/tmp/mesh-agents")  # short, since it is seen
OUT = Path(__file__).parent.parent / "screenshots"
WIDTH = 120
OUTPUT_LINES = 1  # of a command's output, from its end


class Replay:
    """Two projects, two agents, one node; what happens is written on a console that records it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.calls = 0
        shutil.rmtree(ROOT, ignore_errors=True)
        wheels = build_stand_in(ROOT / "wheels")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MESHTUI_", "PIP_", "PYTHON", "VIRTUAL_ENV"))}
        self.environment = {
            **kept,
            "MESHTUI_HOME": str(ROOT / "home"),
            "MESHTUI_OPERATOR_DIR": str(ROOT / "operator"),
            "MESHTUI_BRIDGE": str(ROOT / "bridge.db"),
            "MESHTUI_HOST": "dev1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        for project in ("shop", "billing"):
            (ROOT / project).mkdir(parents=True)
            (ROOT / project / "app.py").write_text(PROGRAM)
            subprocess.run([sys.executable, "-m", "venv", str(ROOT / project / ".venv")], check=True)

    def runs(self, agent: str, project: str, command: str) -> None:
        """Let an agent run a command, tell its hook how that ended, and show what the hook says."""
        self.calls += 1
        folder = ROOT / project
        path = f"{folder}/.venv/bin:{self.environment['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**self.environment, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        lines = done.stdout.rstrip().split("\n")[-OUTPUT_LINES:]
        self.console.print(Text.assemble((f"{agent} in ~/{project}  ", "cyan"), ("$ " + command, "bold")))
        for line in lines:
            self.console.print(Text(f"  {line}"))
        self.console.print(Text(f"  exit {done.returncode}", "red" if done.returncode else "green"))
        answer = self._hook(agent, folder, path, self._payload(agent, folder, command, done.returncode, done.stdout))
        self._show(answer)

    def person(self, *arguments: str) -> None:
        """Let a person give a command of meshtui."""
        meshtui = str(Path(sys.executable).parent / "meshtui")
        done = subprocess.run([meshtui, *arguments], env=self.environment, capture_output=True, text=True, check=True)
        self.console.print(Text.assemble(("you  ", "cyan"), ("$ meshtui " + " ".join(arguments), "bold")))
        for line in done.stdout.rstrip().split("\n"):
            self.console.print(Text(f"  {line}"))
        self.console.print()

    def _payload(self, agent: str, folder: Path, command: str, code: int, output: str) -> dict[str, Any]:
        call = f"call-{self.calls}"
        sample = program(agent).sample(command, output, str(folder), ROOT, call)
        if code:
            return sample
        if agent == "codex":  # the same event as a failure; its session file says how it ended
            rollout = Path(sample["transcript_path"])
            rollout.write_text(rollout.read_text().replace('"exit_code": 1', '"exit_code": 0'))
            return sample
        said = {"stdout": output, "stderr": "", "interrupted": False}
        head = {"session_id": "meshtui-sample", "cwd": str(folder), "hook_event_name": "PostToolUse"}
        return {
            **head,
            "tool_name": "Bash",
            "tool_input": {"command": command},
            "tool_response": said,
            "tool_use_id": call,
        }

    def _hook(self, agent: str, folder: Path, path: str, payload: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            hook_command(agent),
            input=json.dumps(payload),
            cwd=folder,
            env={**self.environment, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    def _show(self, answer: dict[str, Any]) -> None:
        context = answer.get("hookSpecificOutput", {}).get("additionalContext", "")
        said = Table.grid(padding=(0, 2))
        said.add_column(width=15)
        said.add_column(overflow="fold")
        if context:
            said.add_row(Text("  to the agent", "yellow"), Text(context))
        if message := answer.get("systemMessage"):
            said.add_row(Text("  to the person", "bright_blue"), Text(message))
        if said.row_count:
            self.console.print(said)
        self.console.print()


def main() -> int:
    """Play the story and save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="where the pictures go")
    given = parser.parse_args()
    console = Console(record=True, width=WIDTH, force_terminal=True, color_system="truecolor")
    replay = Replay(console)
    replay.runs("claude-code", "shop", "python app.py")
    replay.runs("claude-code", "shop", "pip install django")
    replay.runs("claude-code", "shop", "python app.py")
    replay.person("skills", "confirm", "1")
    replay.runs("codex", "billing", "python app.py")
    replay.runs("codex", "billing", "pip install django")
    replay.runs("codex", "billing", "python app.py")
    given.out.mkdir(exist_ok=True)
    svg = given.out / "agent.svg"
    svg.write_text(plain_fonts(console.export_svg(title="what one agent solved, the next one is told", theme=MONOKAI)))
    print(rasterise(svg))
    shutil.rmtree(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
