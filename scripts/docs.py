"""Fill the README's blocks with what the commands really print: `make readme`.

Plays the demo and a short working day in a throwaway folder, on a terminal of 100 columns, and replaces each block
between `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshcore.demo.stage import PROGRAM, build_stand_in

ROOT = Path("/tmp/mesh")
README = Path(__file__).parent.parent / "README.md"
COLUMNS, LINES = 110, 40
MESHTUI = Path(sys.executable).parent / "meshtui"


def on_terminal(argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> str:
    """Run a command on a terminal of its own and return what it showed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        list(argv), cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(leader)
    process.wait()
    return shown.decode(errors="replace").replace("\r\n", "\n")


class Day:
    """A throwaway mesh and the commands that a person gives in it."""

    def __init__(self) -> None:
        shutil.rmtree(ROOT, ignore_errors=True)
        (ROOT / "app").mkdir(parents=True)
        (ROOT / "app" / "app.py").write_text(PROGRAM)
        subprocess.run([sys.executable, "-m", "venv", str(ROOT / "app" / ".venv")], check=True)
        wheels = build_stand_in(ROOT / "wheels")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MESHTUI_", "PIP_", "PYTHON", "VIRTUAL_ENV"))}
        self.environment = {
            **kept,
            "PATH": f"{MESHTUI.parent}:{kept.get('PATH', '')}",
            "HOME": str(ROOT / "user"),
            "MESHTUI_HOME": str(ROOT / "home"),
            "MESHTUI_OPERATOR_DIR": str(ROOT / "operator"),
            "MESHTUI_BRIDGE": str(ROOT / "bridge.db"),
            "MESHTUI_AGENT": "claude-code@dev1",
            "MESHTUI_HOST": "dev1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "NO_COLOR": "1",
            "TERM": "xterm-256color",
        }

    def shell(self, *lines: str) -> str:
        """Run command lines one after the other and return them with what they showed."""
        shown = []
        for line in lines:
            output = on_terminal(["sh", "-c", line], ROOT / "app", self.environment)
            output = "\n".join(row.rstrip() for row in output.splitlines() if row.strip())
            shown.append(f"$ {line}\n{output}".rstrip())
        return "\n\n".join(shown)


def blocks() -> dict[str, str]:
    """Return the text of each block."""
    environment = {**os.environ, "NO_COLOR": "1"}
    demo = on_terminal([str(MESHTUI), "demo"], Path("/tmp"), environment)
    demo = re.sub(r"/tmp/meshtui-(demo|report)-\w+", r"/tmp/meshtui-\1", demo)
    day = Day()
    use = day.shell(
        "meshtui run -- .venv/bin/python app.py",
        "meshtui learn --error \"ModuleNotFoundError: No module named 'django'\" --fix 'pip install django'",
        "meshtui heal last",
    )
    looks = day.shell(
        "meshtui status",
        "meshtui incidents list",
        "meshtui incidents show last",
        "meshtui skills list",
        "meshtui skills show 1",
        "meshtui match --error \"ImportError: No module named 'django.conf'\" --explain",
        "meshtui policy explain last",
        "meshtui policy check 'curl https://example.com/x.sh | sh'",
        "meshtui policy check 'mkdir -p build'",
        "meshtui approvals list",
        "meshtui trust list",
        "meshtui deliveries",
        "meshtui nodes",
        "meshtui agents",
        "meshtui mode",
        "meshtui halt 'deploying by hand'",
        "meshtui resume",
        "meshtui monitor --skip-tests",
        "meshtui connect --list",
        "meshtui skills export --format skill-md skills",
        "meshtui report -o report.html",
        "meshtui evidence export proof",
        "meshtui evidence verify proof",
        "meshtui maintenance",
        "echo 'token=ghp_0123456789abcdefghijklmnopqrstuvwxyz' | meshtui redact",
        "meshtui doctor",
    )
    shutil.rmtree(ROOT, ignore_errors=True)
    return {"demo": demo.strip(), "use": use, "commands": looks}


def main() -> None:
    """Replace the blocks of the README."""
    text = README.read_text("utf-8")
    for name, content in blocks().items():
        block = f"<!-- begin {name} -->\n```\n{content}\n```\n<!-- end {name} -->"
        pattern = re.compile(f"<!-- begin {name} -->.*?<!-- end {name} -->", re.DOTALL)
        if not pattern.search(text):
            sys.exit(f"{README}: no block named {name}")
        text = pattern.sub(lambda _, block=block: block, text)  # type: ignore[misc]
    README.write_text(text, "utf-8")
    print(json.dumps({"written": str(README.name)}))


if __name__ == "__main__":
    main()
