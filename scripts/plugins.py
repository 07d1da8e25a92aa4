"""Make `plugins/`: what each program installs by itself, from the same hooks that `meshtui connect` writes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from meshcore.agents.hook_settings import shared_command
from meshcore.agents.plugin_files import plugin_files, with_plugin
from meshcore.model import Json

ROOT = Path(__file__).parent.parent / "plugins"
SERVER: dict[str, Json] = {"command": "meshtui", "args": ["mcp"]}


def files() -> dict[str, str]:
    """Return every file of the folder by its path in it: of no machine in particular."""
    made = (plugin_files(agent, shared_command(agent), SERVER) for agent in with_plugin())
    return {path: text for found in made for path, text in found.items()}


def main() -> None:
    """Write the folder; with `--check` only say what would be another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file would be another")
    given = parser.parse_args()
    texts = files()
    stale = [path for path, text in texts.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if given.check:
        sys.exit(f"stale: {', '.join(stale)}; run python scripts/plugins.py" if stale else 0)
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(texts[path])


if __name__ == "__main__":
    main()
