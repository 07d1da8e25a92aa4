"""What the terminal loads: memory that every operator's machine gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from meshtui.screens.table import PAGES, PANES

SCRIPT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_what_reads_runs_is_loaded_only_where_there_is_one() -> None:
    places = (*(entry.place for entry in PANES), *PAGES)
    shown = ["meshtui.feed", "meshtui.screens.help", *(place.partition(":")[0] for place in places)]
    argv = [sys.executable, "-c", SCRIPT, "meshtui.app", "meshcore.service.loops.settings", *shown]
    loaded = set(json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout))
    assert {"meshtui", "textual", "cryptography"} <= loaded
    assert not loaded & {"pydantic", "yaml", "psycopg"}


def test_the_terminal_alone_opens_without_the_command_line(tmp_path: Path) -> None:
    """Nobody is at a terminal here, so it goes no further than to say so."""
    script = "import sys; from meshtui.__main__ import run; print(run([]), 'click' in sys.modules, file=sys.stdout)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["2", "False"]
    assert "needs a terminal" in done.stderr
