"""What telling against withholding can show in recorded sessions: `python -m benchmarks.effect SCORER` prints JSON.

SCORER is the scorer of recorded sessions (no part of this repository). The sessions are replayed through the product's
hooks while a share is withheld; then it is drawn again, many times, of which commands nothing is told. A recording
cannot listen: what is told changes nothing in it, so the true effect is none. `alarms` is the share of draws in which
the interval claims an effect all the same (one in twenty may); `again` after how many of the repeats the session meets
the same failure once more if nobody listens, which is all that telling can save; `least` the smallest effect that an
interval of the usual width tells from none.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.adapters import Sessions
from benchmarks.left_out import scorer_at
from meshcore.evidence.digest import Saved, saved_of
from meshcore.store.read import Read
from meshcore.store.store import Store
from meshcore.store.tellings import TOLD, WITHHELD

Repeats = dict[tuple[int, bytes], list[bool]]
"""By project and command: for each session that was told or withheld of it, whether it met the failure once more."""


def replay(scorer: Any, sessions: list[dict[str, Any]], name: str, withhold: float) -> Repeats:
    """Return the repeats of a set, replayed with a share withheld."""
    found: Repeats = defaultdict(list)

    class Withholding(Sessions):
        def __init__(self) -> None:
            super().__init__()
            self.settings = replace(self.settings, withhold=withhold)

        def close(self) -> None:
            sql = "SELECT project, command, max(again>0) FROM tellings WHERE arm>0 GROUP BY project, command, session"
            store = Store(self.store)
            for project, command, again in store.answers(Read(sql, lambda row: (row[0], bytes(row[1]), bool(row[2])))):
                found[project, command].append(again)
            store.close()
            super().close()

    scorer.drive(sessions, name, Withholding)
    return found


def drawn(found: Repeats, withhold: float, key: int) -> Saved:
    """Return what the digest would say with the commands drawn by a key."""
    draw = random.Random(key)
    arms = {command: WITHHELD if draw.random() < withhold else TOLD for command in found}
    return saved_of([(arms[command], len(again), sum(again)) for command, again in found.items()])


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scorer", type=Path, metavar="SCORER")
    parser.add_argument("--data", type=Path, help="default: sessions_dev.jsonl.gz beside the scorer")
    parser.add_argument("--set", default="real")
    parser.add_argument("--withhold", type=float, nargs="+", default=[0.2, 0.5])
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    scorer = scorer_at(options.scorer)
    sessions = scorer.load(options.data or options.scorer.parent / "sessions_dev.jsonl.gz")
    chosen = [session for session in sessions if session["set"] == options.set]
    found = replay(scorer, chosen, options.set, options.withhold[0])
    repeats = [again for command in found.values() for again in command]
    report: dict[str, Any] = {
        "set": options.set,
        "sessions": len(chosen),
        "commands": len(found),
        "repeats": len(repeats),
        "again": round(sum(repeats) / len(repeats), 3) if repeats else None,
    }
    for withhold in options.withhold:
        said = [saved.fewer for key in range(options.draws) if (saved := drawn(found, withhold, key)).fewer is not None]
        report[f"withhold {withhold}"] = {
            "draws": options.draws,
            "too_few_to_say": options.draws - len(said),
            "alarms": round(sum(not one.low <= 0 <= one.high for one in said) / len(said), 3) if said else None,
            "least": round(median((one.high - one.low) / 2 for one in said), 3) if said else None,
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
