"""Record the demo and draw it as a picture that moves: `python scripts/moving_picture.py [--offline]`.

Each line of the SVG appears when the demo printed it; a longer pause is cut to LONGEST seconds. A reader who asked for
less motion sees the last state.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

PICTURE = Path(__file__).parent.parent / "screenshots" / "demo.svg"
MESHTUI = Path(sys.executable).parent / "meshtui"
COLUMNS = 112
LONGEST = 2.0
STAYS = 8.0
LINE, LETTER, MARGIN, SIZE = 19.0, 7.83, 18.0, 13.0
COLOURS = (("   ModuleNotFoundError", "#ff8f8f"), ("✓", "#7ee2a8"), ("$", "#8ab4f8"), ("   ", "#b8c0cc"))
PLAIN = "#e6e9ef"


@dataclass(frozen=True, slots=True)
class Shown:
    """A line, and after how many seconds it was there."""

    text: str
    after: float


def record(argv: Sequence[str]) -> list[Shown]:
    """Run a command and return its lines as they came. Raises SystemExit where it fails."""
    lines, began = [Shown(f"$ {' '.join(('meshtui', *argv[1:]))}", 0.0)], time.monotonic()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout or ():
            # The demo's folders have names of chance.
            text = re.sub(r"(/tmp/meshtui-\w+)-\w+", r"\1", line.rstrip())
            lines.append(Shown(text, time.monotonic() - began))
    if process.returncode:
        sys.exit(f"{' '.join(argv)}: exit {process.returncode}")
    return lines


def hurried(lines: Iterable[Shown]) -> list[Shown]:
    """Return the lines with each pause cut to LONGEST, and what is wider than a line folded."""
    found, before, at = list[Shown](), 0.0, 0.0
    for line in lines:
        at += min(line.after - before, LONGEST)
        before = line.after
        text = line.text
        while len(text) > COLUMNS:
            cut = text.rfind(" ", 40, COLUMNS) if " " in text[40:COLUMNS] else COLUMNS
            found.append(Shown(text[:cut], at))
            text = f"     {text[cut:].lstrip()}"
        found.append(Shown(text, at))
    return found


def drawn(lines: Sequence[Shown]) -> str:
    """Return the SVG of lines that appear one after the other, again and again."""
    whole = lines[-1].after + STAYS
    width, height = COLUMNS * LETTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    styles, texts = [], []
    for number, line in enumerate(lines):
        if not line.text:
            continue
        share = 100 * line.after / whole
        styles.append(f"@keyframes l{number} {{0%,{share:.2f}% {{opacity:0}} {share + 0.01:.2f}%,100% {{opacity:1}}}}")
        styles.append(f"#l{number} {{animation:l{number} {whole:.1f}s infinite}}")
        colour = next((colour for start, colour in COLOURS if line.text.startswith(start)), PLAIN)
        y = MARGIN + (number + 0.75) * LINE
        text = escape(line.text)
        texts.append(
            f'<text id="l{number}" x="{MARGIN}" y="{y:.1f}" fill="{colour}" xml:space="preserve">{text}</text>'
        )
    styles.append("@media (prefers-reduced-motion: reduce) {text {animation:none !important}}")
    font = f"text {{font:{SIZE}px ui-monospace,Menlo,Consolas,monospace}}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
            "<title>meshtui demo: one agent is taught a fix, the other heals by itself</title>",
            "\n".join(("<style>", font, *styles, "</style>")),
            f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#14171c"/>',
            *texts,
            "</svg>\n",
        ]
    )


def main() -> None:
    """Record the demo and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offline", action="store_true", help="record without a package index")
    given = parser.parse_args()
    lines = record([str(MESHTUI), "demo", "--plain", *(["--offline"] if given.offline else [])])
    PICTURE.write_text(drawn(hurried(lines)), "utf-8")


if __name__ == "__main__":
    main()
