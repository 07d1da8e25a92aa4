"""The old name of `meshtui validate`, with the old options: `python3 scripts/validate_runs_loop.py --runs-root DIR`."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY / "src"))
    try:
        from meshtui.__main__ import run
    except ModuleNotFoundError as error:
        sys.exit(f"validate_runs_loop: {error.name} is missing here; run `make test`, then use .venv/bin/python")
    sys.exit(run(["validate", *sys.argv[1:]]))
