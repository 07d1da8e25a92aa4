"""How fast an error finds its skill: `python -m benchmarks.match_speed` prints JSON, each figure beside its goal.

The skills lie in the project's own store; the clock runs from error text to answer. A dict on a normalised key is
measured in the same run, so that figures of different machines can be compared.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import SkillSource, index_entry, match
from meshcore.knowledge.signature import read
from meshcore.model import KnownSkill, Match, Skill, canonical
from meshcore.safety.model_json import skill_from_json, skill_to_json
from meshcore.store.store import Store

HOSTILE = Path(__file__).parents[1] / "../shared/eval/hostile_text_dev.jsonl"
REAL = HOSTILE.with_name("incidents_dev.jsonl")
ROUNDS = 2_000
KINDS, LIKELY_KIND = 6, 5


def name_of(i: int) -> str:
    """Return the name that error i is about: each another one, in no order that an index would like."""
    return f"{_SYLLABLES[i * 7 % 30]}{_SYLLABLES[i * 11 % 29]}_{i * 2654435761 % 2**32:x}"


def error(kind: int, name: str) -> tuple[str, str, str]:
    """Return (text, command, fix) of an error of one of the kinds that agents meet most, about a name."""
    if kind == 0:
        text = f"Traceback (most recent call last):\n{_FRAMES}ModuleNotFoundError: No module named '{name}'\n"
        return text, "python app.py", f"pip install {name}"
    if kind == 1:
        return f"bash: line 7: {name}: command not found\n", f"{name} --version", f"apt-get install -y {name}"
    if kind == 2:
        text = f"app.c:12:10: fatal error: {name}.h: No such file or directory\n   12 | #include <{name}.h>\n"
        return text + "compilation terminated.\n", "gcc -c app.c", f"apt-get install -y lib{name}-dev"
    if kind == 3:
        text = f"npm error code E404\nnpm error 404 Not Found - GET https://registry.example.org/{name}\n"
        text += f"npm error 404  '{name}@^3.0.0' is not in this registry.\n"
        return text, "npm ci", f"npm install {name}-next"
    if kind == LIKELY_KIND:
        text = f"Reading package lists...\nBuilding dependency tree...\nE: Unable to locate package {name}\n"
        return text, f"apt-get install -y {name}", "apt-get update"
    text = f"Traceback (most recent call last):\n{_FRAMES}KeyError: '{name}'\n"
    return text, "python app.py", f"./configure --set {name}"


_FRAMES = "".join(
    f'  File "/srv/app/releases/2024/part_{i}.py", line {10 + i}, in step_{i}\n    return step_{i + 1}(value)\n'
    for i in range(8)
)
_SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "da",
    "de",
    "di",
    "do",
    "fa",
    "fe",
    "fi",
    "fo",
    "ka",
    "ke",
    "ki",
    "ko",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "ni",
    "no",
    "ra",
    "re",
    "ri",
    "ro",
]


def percentiles(run: Callable[[int], object], rounds: int = ROUNDS) -> dict[str, float]:
    """Return µs p50 and p99 of so many calls, after a hundred that do not count: by the clock, and of the processor.

    The processor's time is what the call itself took; by the clock, other programs of a busy machine count too.
    """
    for i in range(100):
        run(i)
    clock, processor = [], []
    for i in range(rounds):
        start, cpu = time.perf_counter_ns(), time.thread_time_ns()
        run(i)
        processor.append(time.thread_time_ns() - cpu)
        clock.append(time.perf_counter_ns() - start)
    figures = {}
    for name, spent in (("", sorted(clock)), ("cpu_", sorted(processor))):
        figures[f"{name}p50_us"] = round(spent[rounds // 2] / 1000, 1)
        figures[f"{name}p99_us"] = round(spent[int(rounds * 0.99)] / 1000, 1)
    return figures


def fill(path: Path, count: int) -> Store:
    """Return a store with so many skills: of each kind one is learnt, the others are the same about another name."""
    models = []
    for kind in range(KINDS):
        text, command, fix = error(kind, "name_0")
        learnt = learn(read(text, command=command), parse_fix(fix), command=command)
        models.append(canonical(skill_to_json(learnt)))
    store = Store(path)
    with store.transaction():
        for i in range(count):
            put(store, skill_from_json(json.loads(models[i % KINDS].replace("name_0", name_of(i)))))
    return store


def put(store: Store, skill: Skill) -> None:
    """Store a skill under the keys that matching looks for."""
    known = KnownSkill(skill)
    entry = index_entry(known)
    store.skills.put(known, entry.bucket, entry.shape, entry.keys)


def sample(count: int, wanted: int) -> list[tuple[str, str]]:
    """Return texts and commands of so many of the errors, spread over all."""
    chosen = range(0, count, max(1, count // wanted))
    return [error(i % KINDS, name_of(i))[:2] for i in chosen][:wanted]


def likely_sample(wanted: int) -> list[tuple[str, str]]:
    """Return errors whose name differs from every known one in a slot that may: what answers is likely only."""
    return [error(LIKELY_KIND, f"never_{i}")[:2] for i in range(wanted)]


def answer(source: SkillSource, cases: Sequence[tuple[str, str]], i: int) -> Match | None:
    """Answer one of the cases, from its text."""
    text, command = cases[i % len(cases)]
    return match(read(text, command=command), source)


def near_identical(path: Path) -> dict[str, object]:
    """Ten thousand skills in one bucket that differ in one name."""
    source = Store(path)

    def one(i: int) -> str:
        return f"ModuleNotFoundError: No module named 'mod_{i}'"

    with source.transaction():
        for i in range(10_000):
            put(source, learn(read(one(i)), parse_fix(f"pip install mod-{i}")))
    known, unknown = [(one(i * 5), "") for i in range(2000)], [(one(i + 20_000), "") for i in range(2000)]
    wrong = sum(answer(source.skills, unknown, i) is not None for i in range(200))
    return {
        "hit": percentiles(lambda i: answer(source.skills, known, i)),
        "miss": percentiles(lambda i: answer(source.skills, unknown, i)),
        "wrong": wrong,
    }


def dict_peer(count: int, cases: Sequence[tuple[str, str]]) -> dict[str, float]:
    """A dict on the text with digits, quotes and paths replaced: what a matcher costs that knows nothing of errors."""
    noise = [re.compile(p) for p in (r"0x[0-9a-f]+", r"/[\w./-]+", r"line \d+", r"\d+", r"\s+")]

    def normalised(text: str) -> str:
        last = text.rstrip().rsplit("\n", 1)[-1]
        for pattern in noise:
            last = pattern.sub("#", last)
        return last

    table = {normalised(error(i % KINDS, name_of(i))[0]): i for i in range(count)}
    return percentiles(lambda i: table.get(normalised(cases[i % len(cases)][0])))


def real_texts(source: SkillSource) -> dict[str, float] | str:
    """Answer the labelled incidents of ../shared/eval, as they were printed."""
    if not REAL.exists():
        return "the labelled incidents (../shared/eval) are not on this machine"
    rows = [json.loads(line) for line in REAL.read_text().splitlines()]
    cases = [(row["message"], row["command"]) for row in rows]
    return percentiles(lambda i: answer(source, cases, i), len(cases)) | {"goal_p50_us": 250, "goal_p99_us": 1000}


def hostile() -> dict[str, object]:
    """The slowest reading of texts made to be slow."""
    texts = {
        "quotes": "'" * 100_000,
        "slashes": "/" * 100_000,
        "dots": "a." * 50_000 + "!",
        "digits": "1." * 50_000,
        "colons": "error: " * 20_000,
        "one line of 1 MB": "x" * 1_000_000,
        "100,000 lines": "error: not found\n" * 100_000,
        "10 MB": "No module named a.b-" * 500_000,
        "host-like": "connect to " + "a-." * 30_000 + " refused",
        "frames": ('  File "x", line 1\n' * 5_000) + "Error",
        "escapes": "\x1b[" * 50_000,
    }
    if HOSTILE.exists():
        for line in HOSTILE.read_text().splitlines():
            row = json.loads(line)
            made = row.get("gen")
            texts[row["name"]] = (
                (made["prefix"] + made["unit"] * min(made["count"], 1_000_000) + made["suffix"])
                if made
                else row["text"]
            )
    slowest, name = 0.0, ""
    for label, text in texts.items():
        start = time.perf_counter()
        read(text)
        spent = time.perf_counter() - start
        if spent > slowest:
            slowest, name = spent, label
    return {"texts": len(texts), "slowest_ms": round(slowest * 1000, 1), "slowest": name, "goal_ms": 50}


def resident_mb() -> float:
    """Return this process's resident memory now, in MB."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return round(int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skills", type=int, default=100_000)
    parser.add_argument("--growth", default="1000,100000,1000000", help="numbers of skills; empty for none")
    options = parser.parse_args()
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "skills.db"
        start = time.perf_counter()
        source = fill(path, options.skills)
        store_seconds = time.perf_counter() - start
        exact, likely = sample(options.skills, 1000), likely_sample(1000)
        missed = sum(answer(source.skills, exact, i) is None for i in range(len(exact)))
        unanswered = sum(answer(source.skills, likely, i) is None for i in range(len(likely)))
        result[f"{options.skills} skills"] = {
            "exact": timed(source.skills, exact) | {"goal_p99_us": 250, "not answered": missed},
            "likely": timed(source.skills, likely) | {"goal_p99_us": 2000, "not answered": unanswered},
            "read_alone": percentiles(lambda i: read(exact[i % 1000][0], command=exact[i % 1000][1])),
            "open_seconds": round(open_seconds(path), 4),
            "goal_open_seconds": 3,
            "store_seconds": round(store_seconds, 1),
            "resident_mb": resident_mb(),
            "goal_resident_mb": 80,
            "dict_peer": dict_peer(options.skills, exact),
        }
        result["real texts"] = real_texts(source.skills)
        source.close()
        result["10000 near-identical skills"] = near_identical(Path(folder) / "near.db")
        result["growth"] = growth(Path(folder), [int(n) for n in options.growth.split(",") if n])
    result["hostile text"] = hostile()
    json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
    print()


def timed(source: SkillSource, cases: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Measure answers to the cases, one after the other."""
    return percentiles(lambda i: answer(source, cases, i))


def open_seconds(path: Path) -> float:
    """Return what it takes until the first answer from a file that was just opened."""
    start = time.perf_counter()
    answer(Store(path).skills, [("ModuleNotFoundError: No module named 'x'", "")], 0)
    return time.perf_counter() - start


def growth(folder: Path, counts: Sequence[int]) -> dict[str, object]:
    """Exact p99 (of the processor's time) for numbers of skills that grow a thousandfold."""
    figures: dict[str, object] = {}
    p99s = []
    for count in counts:
        source = fill(folder / f"growth_{count}.db", count)
        measured = timed(source.skills, sample(count, 1000))
        source.close()
        p99s.append(measured["cpu_p99_us"])
        figures[str(count)] = measured
    if p99s:
        figures["factor"] = round(p99s[-1] / p99s[0], 2)
        figures["goal_factor"] = 2
    return figures


if __name__ == "__main__":
    main()
