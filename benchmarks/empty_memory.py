"""Measure what a new user's errors are answered with: nothing learnt, no project, only what is known in general.

    python -m benchmarks.empty_memory [ROWS] [--wrong]

Everyday errors (everyday_errors.jsonl: two sets of 60, four of 80) were written by authors who had seen nothing of
this project; a quarter of each want no answer. Each set was asked before anything was mended from it, and is in view.
ROWS are labelled incidents (no part of this repository; default ../shared/eval/incidents_dev.jsonl). Classes, and tasks
of sessions, are split by a hash of their names: one half was looked at while the rules were written, the other not;
that half is printed first. An answer is right where it is the row's own fix: the same typed action, or the same words
once quoting, `sudo`, the spelling of installers, which program starts a service, and a last step that is the failed
command itself are set aside. What this host has counts: its index of packages, with lists of files or without.
"""

from __future__ import annotations

import argparse
import collections
import functools
import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshcore.config import Settings, load
from meshcore.healing.at_hand import another_way
from meshcore.healing.capture import make_incident
from meshcore.healing.ground import Ground
from meshcore.healing.host_packages import HostIndex
from meshcore.healing.in_general import in_general
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.typed import read_typed
from meshcore.knowledge.well_known import distribution_of, normal
from meshcore.model import AgentInfo

SHARED = Path(__file__).resolve().parents[2] / "shared"
SALT = "packs:"
_LOCKED = re.compile(r"'(/[^'\n]{1,200})/\.git/\w{1,20}\.lock'")
"""A lock of git's, which is told of in its own repository: a row that has one failed there."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def is_in_view(name: str) -> bool:
    """Tell whether a class or task was looked at while the rules were written."""
    return hashlib.sha256(f"{SALT}{name}".encode()).digest()[0] % 2 == 0


def answer(row: dict[str, Any], settings: Settings, folder: str) -> str:
    """Return the command that is told of a row, "" for none."""
    argv = tuple(_words(row["command"])) or ("sh",)
    shell = ("bash", "-c", row["command"])
    plain = not set("|&;<>$`\n") & set(row["command"])
    environment = {"PATH": PATH, "HOME": folder}
    locked = _LOCKED.search(row["message"])
    cwd = folder if locked is None else locked[1]
    incident = make_incident(
        row["message"].encode(), argv if plain else shell, cwd=cwd, env=environment,
        agent=AgentInfo(row["agent"]), exit_code=1, opened="", error_type=row["error_type"],
    )  # fmt: skip
    way = another_way(
        row["command"], read_typed(row["command"], folder), folder, folder, row["message"], Ground(environment)
    )
    if way is not None:
        return way.command
    found = in_general(incident, settings, "")
    return found[1].action.command() if found else ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def meaning(command: str, failed: str) -> str:
    """Return a fix in its plainest words."""
    steps = [one.strip() for one in command.split("&&")]
    if len(steps) > 1 and plain_spelling(tuple(_words(steps[-1]))) == plain_spelling(tuple(_words(failed))):
        steps = steps[:-1]
    plain = []
    for step in steps:
        words = tuple(word for word in plain_spelling(tuple(_words(step))) if word not in ("sudo", "-y", "--yes"))
        if words[:1] == ("service",) and len(words) == 3:
            words = ("systemctl", words[2], words[1])  # what starts a service where this machine has no systemd
        if words[:2] == ("pip", "install"):
            words = (*words[:2], *sorted(normal(distribution_of(one) or one) for one in words[2:]))
        plain.append(" ".join("apt-get" if word == "apt" else word for word in words))
    return " && ".join(plain)


def rows(path: Path, *, show_wrong: bool) -> Iterator[str]:
    """Yield the table of the labelled rows, the half that was not looked at first."""
    counts: dict[bool, collections.Counter[str]] = {False: collections.Counter(), True: collections.Counter()}
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        settings = load(environment={"HOME": folder, "MESHTUI_OPERATOR_DIR": f"{folder}/operator"})
        empty = Path(folder, "work")
        empty.mkdir()
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            in_view = is_in_view(row["class_id"] or f"none:{row['id']}")
            count = counts[in_view]
            said = answer(row, settings, str(empty))
            if row["class_id"] is None:
                lacks_module = "No module named" in row["message"]
                count["none"] += 1
                count["none answered"] += bool(said)
                count["none answered, module"] += bool(said) and lacks_module
                if said and not lacks_module and in_view:
                    wrong.append(f"no class: {row['command'][:80]!r} -> {said!r}  {row['message'][-120:]!r}")
                continue
            count["rows"] += 1
            right = bool(said) and meaning(said, row["command"]) == meaning(row["resolution"] or "", row["command"])
            count["right"] += right
            if said and not right:
                count["wrong" if row["resolution"] else "answered, no fix known"] += 1
                if in_view:
                    wrong.append(f"{row['class_id']}: {row['command'][:80]!r} -> {said!r}, not {row['resolution']!r}")
    yield "labelled rows, nothing learnt        rows  right  wrong | no class  answered  of these a missing module"
    for in_view, name in ((False, "held out"), (True, "in view")):
        c = counts[in_view]
        yield (
            f"  {name:<34} {c['rows']:5} {c['right'] / c['rows']:6.3f} {c['wrong'] / c['rows']:6.3f} | {c['none']:8}"
            f" {c['none answered'] / c['none']:9.3f}  {c['none answered, module'] / c['none']:9.3f}"
            f"   (answered where no fix is known: {c['answered, no fix known']})"
        )
    if show_wrong:
        yield from sorted(wrong)


def everyday() -> Iterator[str]:
    """Yield the table of the everyday errors, by set."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        settings = load(environment={"HOME": folder, "MESHTUI_OPERATOR_DIR": f"{folder}/operator"})
        empty = Path(folder, "work")
        empty.mkdir()
        for line in (Path(__file__).parent / "everyday_errors.jsonl").read_text("utf-8").splitlines():
            row = {"agent": "a", "error_type": "", **json.loads(line)}
            count = counts[row["id"].partition("-")[0]]
            said = answer(row, settings, str(empty))
            means = {meaning(fix, row["command"]) for fix in row["fixes"]}
            right = bool(said) and meaning(said, row["command"]) in means
            count["rows" if means else "none"] += 1
            count["right"] += right
            count["other"] += bool(said) and bool(means) and not right
            count["none answered"] += bool(said) and not means
    yield "everyday errors, nothing learnt      rows  right  another | want no answer  answered"
    for name, c in counts.items():
        yield (
            f"  {name:<34} {c['rows']:5} {c['right'] / c['rows']:6.3f} {c['other'] / c['rows']:8.3f} |"
            f" {c['none']:14} {c['none answered']:9}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("rows", nargs="?", type=Path, default=SHARED / "eval/incidents_dev.jsonl")
    parser.add_argument("--wrong", action="store_true", help="list what is not right, of the half in view")
    options = parser.parse_args()
    asked = functools.cache(HostIndex(seconds=60).package)  # a question once, and a busy host is waited for
    setattr(HostIndex, "package", lambda _, kind, name: asked(kind, name))  # noqa: B010
    for line in everyday():
        print(line)
    if not options.rows.exists():
        print(f"skipped: {options.rows} is not here")
        return
    for line in rows(options.rows, show_wrong=options.wrong):
        print(line)


if __name__ == "__main__":
    main()
