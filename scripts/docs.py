"""Fill the documents' blocks with what the commands really print: `make readme`.

Plays the demo and a short working day in a throwaway folder, on a terminal of 110 columns, and replaces each block
between `<!-- begin NAME -->` and `<!-- end NAME -->`. `--reference` replaces the table of commands
and the manual page alone.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from meshcore.demo.stage import PROGRAM, build_stand_in, build_wheel
from meshtui.cli.main import TASKS, meshtui

ROOT = Path("/tmp/mesh")
REPOSITORY = Path(__file__).parent.parent
GUIDE, COMMANDS = REPOSITORY / "docs" / "guide.md", REPOSITORY / "docs" / "commands.md"
MAN_PAGE = REPOSITORY / "docs" / "meshtui.1"
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
            "MESHTUI_PACKS": "off",  # the guide says so
            "MESHTUI_HOST": "dev1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "NO_COLOR": "1",
            "TERM": "xterm-256color",
        }

    def series(self) -> str:
        """Teach three fixes unseen, and return what a run shows that misses all three."""
        modules = ("idna", "click", "rich")
        (ROOT / "app" / "shop.py").write_text("".join(f"import {name}\n" for name in modules) + 'print("open")\n')
        for name in modules:
            build_wheel(ROOT / "wheels", name, "1.0", {f"{name}/__init__.py": ""})
            error = f"ModuleNotFoundError: No module named '{name}'"
            self.shell(f"meshtui learn --error {shlex.quote(error)} --fix {shlex.quote(f'pip install {name}')}")
        return self.shell("meshtui run -- .venv/bin/python shop.py")

    def shell(self, *lines: str) -> str:
        """Run command lines one after the other and return them with what they showed."""
        shown = []
        for line in lines:
            output = on_terminal(["sh", "-c", line], ROOT / "app", self.environment)
            output = "\n".join(row.rstrip() for row in output.splitlines() if row.strip())
            shown.append(f"$ {line}\n{output}".rstrip())
        return "\n\n".join(shown)


def reference() -> str:
    """Return a table of every command: how it is called, and what it does."""
    lines = ["| command | what it does |", "| --- | --- |"]
    for usage, text in _rows(meshtui, click.Context(meshtui, info_name="meshtui", **meshtui.context_settings)):
        lines.append(f"| `{usage}` | {text} |")
    return "\n".join(lines)


def man_page() -> str:
    """Return the manual page: what it is, its options, and every command by its task."""
    context = click.Context(meshtui, info_name="meshtui", **meshtui.context_settings)
    name, _, about = (meshtui.help or "").partition("\n\n")
    options = (param.get_help_record(context) for param in meshtui.get_params(context))
    parts = [
        '.TH MESHTUI 1 "" meshtui',
        ".SH NAME",
        rf"meshtui \- {_roff(name)}",
        ".SH SYNOPSIS",
        r".B meshtui",
        _roff(" ".join(meshtui.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *("\n.PP\n".join(_roff(" ".join(text.split())) for text in about.split("\n\n")).splitlines()),
        ".SH OPTIONS",
        *(_entry(*option) for option in options if option),
    ]
    for task, commands in TASKS.items():
        parts += [
            f".SH {task.upper()}",
            *(_entry(f"meshtui {name}", summary) for name, (_, summary) in commands.items()),
        ]
    return "\n".join([*parts, ".PP", r"\fBmeshtui COMMAND \-\-help\fP says more of each.", ""])


def _entry(term: str, text: str) -> str:
    return f".TP\n\\fB{_roff(term)}\\fP\n{_roff(text)}"


def _roff(text: str) -> str:
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain[:1] in (".", "'") else plain


def _rows(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _rows(command, inner)
        else:
            usage = " ".join((inner.command_path, *command.collect_usage_pieces(inner)))
            yield usage.replace("|", "\\|"), command.get_short_help_str(200).replace("|", "\\|")


def printed() -> dict[str, str]:
    """Return what the commands print, by the name of its block."""
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    demo = on_terminal([str(MESHTUI), "demo", "--plain"], Path("/tmp"), environment)
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
    chain = day.series()
    shutil.rmtree(ROOT, ignore_errors=True)
    texts = {"demo": demo.strip(), "use": use, "chain": chain, "commands": looks}
    return {name: f"```\n{text}\n```" for name, text in texts.items()}


def block_of(path: Path, name: str) -> str:
    """Return what stands in a block of a document. Raises SystemExit where there is none."""
    found = re.search(f"<!-- begin {name} -->\n(.*?)<!-- end {name} -->", path.read_text("utf-8"), re.DOTALL)
    return found[1].strip() if found else sys.exit(f"{path}: no block named {name}")


def replace_block(path: Path, name: str, content: str) -> None:
    """Put a text into a block of a document. Raises SystemExit where there is none."""
    before, start, rest = path.read_text("utf-8").partition(f"<!-- begin {name} -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    if not end:
        sys.exit(f"{path}: no block named {name}")
    path.write_text(f"{before}{start}{content}\n{end}{after}", "utf-8")


def main() -> None:
    """Replace the blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", action="store_true", help="only the table of commands and the manual page")
    given = parser.parse_args()
    replace_block(COMMANDS, "reference", reference())
    MAN_PAGE.write_text(man_page(), "utf-8")
    if not given.reference:
        texts = printed()
        for path, name in ((GUIDE, "demo"), (GUIDE, "use"), (GUIDE, "chain"), (COMMANDS, "commands")):
            replace_block(path, name, texts[name])


if __name__ == "__main__":
    main()
