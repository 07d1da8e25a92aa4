"""Play the scenarios: `python -m benchmarks.scenarios [--table] [--set NAME] [--only WORD] [--jobs N]`.

Prints one JSON object: the goals, and each scenario that was not healed unattended with its reason; with --table each
scenario first. Ends with 1 where a goal is not met.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.scenarios.play import Story, play
from benchmarks.scenarios.scenario import ENDINGS, Scenario
from benchmarks.scenarios.stage import Environments, Registry, build_wheels
from benchmarks.scenarios.tables import SETS


def tell(
    scenarios: list[Scenario], jobs: int, *, keep: Path | None = None, each: Callable[[Story], None] | None = None
) -> list[Story]:
    """Play scenarios, some at once, and call `each` in their order; a fault of the harness is an error of its story."""
    with tempfile.TemporaryDirectory(prefix="everyday-") as name:
        root = keep or Path(name)
        build_wheels(root / "wheels")
        environments, registry = Environments(root / "template"), Registry()

        def one(numbered: tuple[int, Scenario]) -> Story:
            folder = root / f"{numbered[0]}"
            folder.mkdir()
            try:
                return play(folder, numbered[1], environments, root / "wheels", registry.address)
            except Exception as error:
                return Story(numbered[1], skipped=f"a fault of the harness: {error}")

        try:
            with ThreadPoolExecutor(jobs) as pool:
                stories = []
                for story in pool.map(one, enumerate(scenarios)):
                    stories.append(story)
                    if each is not None:
                        each(story)
                return stories
        finally:
            registry.close()


def summary(stories: list[Story]) -> dict[str, object]:
    """Return each goal beside its figure."""
    played = [story for story in stories if not story.skipped]
    ends = Counter("wrong" if story.wrong else story.ending for story in played)
    healed = ends["unattended"] + ends["approval"]
    rest = [story for story in played if not story.wrong and story.ending not in ("unattended", "approval")]
    asked, accepted = sum(story.asked for story in played), sum(story.accepted for story in played)
    count = max(1, len(played))
    return {
        "scenarios": len(played),
        "skipped": {story.scenario.name: story.skipped for story in stories if story.skipped},
        "endings": {ending: ends[ending] for ending in (*ENDINGS, "wrong")},
        "unattended_percent": {"figure": round(100 * ends["unattended"] / count, 1), "goal": 30},
        "at_most_one_approval_percent": {"figure": round(100 * healed / count, 1), "goal": 50},
        "nobody_asked_percent": {
            "figure": round(100 * (ends["unattended"] + sum(story.passes for story in played)) / count, 1),
            "of_it": "unattended, or fixed and passing once it is typed again",
        },
        "not_healed_for_the_stated_reason": {"figure": sum(s.explained for s in rest), "goal": len(rest)},
        "wrong": {"figure": ends["wrong"], "goal": 0},
        "approvals_accepted_unchanged_percent": {"figure": round(100 * accepted / max(1, asked), 1), "goal": 80},
        "ended_otherwise_than_stated": [s.scenario.name for s in played if not s.explained],
    }


def not_healed(stories: list[Story]) -> list[dict[str, str]]:
    """Return what became of each scenario that was not healed unattended, and why."""
    return [
        {"scenario": story.scenario.name, "ending": "wrong" if story.wrong else story.ending, "why": _why(story)}
        for story in stories
        if not story.skipped and (story.wrong or story.ending != "unattended")
    ]


def _why(story: Story) -> str:
    return "; ".join([*story.wrong, *story.reasons]) or story.scenario.because


def met(figures: dict[str, object]) -> bool:
    """Tell whether every goal is met."""
    goals = {name: one for name, one in figures.items() if isinstance(one, dict) and "goal" in one}
    return all(
        one["figure"] == one["goal"] if name == "wrong" else one["figure"] >= one["goal"] for name, one in goals.items()
    )


def _lines(story: Story, *, long: bool) -> list[str]:
    scenario = story.scenario
    if story.skipped:
        return [f"-          {scenario.name}: {story.skipped}"]
    mark = "WRONG" if story.wrong else ("" if story.explained else "≠ ") + story.ending
    head = f"{mark:<12} {scenario.name}" + (
        "" if story.explained else f"   (stated: {scenario.must}: {scenario.because})"
    )
    lines = [head, *(f"             ! {one}" for one in story.wrong)]
    if story.ending != "unattended" or long:
        lines.append(f"             {_why(story)}")
    if long:
        lines += [f"             learnt: {story.learnt}", *(f"             | {line}" for line in story.said)]
    return lines


def main() -> int:
    """Play what was asked for, and print it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--table", action="store_true")
    options.add_argument("--set", action="append", choices=SETS, help="only these, by what was known of them")
    options.add_argument("--only", default="", metavar="WORD", help="only those whose name holds it, at length")
    options.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder that is left as it is")
    options.add_argument("--jobs", type=int, default=2)
    asked = options.parse_args()
    chosen = [one for name in asked.set or SETS for one in SETS[name] if re.search(asked.only, one.name)]

    def show(story: Story) -> None:
        print("\n".join(_lines(story, long=bool(asked.only))), flush=True)

    stories = tell(chosen, asked.jobs, keep=asked.keep, each=show if asked.table or asked.only else None)
    figures = summary(stories)
    print(json.dumps({**figures, "not_healed": not_healed(stories)}, indent=1, ensure_ascii=False))
    return 0 if met(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
