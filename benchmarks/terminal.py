"""The terminal on a terminal: `python -m benchmarks.terminal [--quick] [ROW …]` prints JSON beside the goals.

The real program runs on a pseudo-terminal of 120×36 and every byte that it writes is read. Times run on the machine's
one monotonic clock, from before the cause (process start, write, key) to the bytes that show the effect. A bare Textual
app in the same run is the peer for the start.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from benchmarks.pty_screen import Screen
from meshcore.bridge.open import open_bridge
from meshcore.clock import SystemClock, to_text
from meshcore.config import load
from meshcore.errors import MeshError
from meshcore.exchange.announce import announce_incident
from meshcore.exchange.publish import publish
from meshcore.knowledge.interchange import put
from meshcore.model import AgentInfo, Json
from meshcore.node import Node
from meshcore.store.store import Store
from meshcore.testing import FakeClock, incident, known_skill, outcome

GOALS: Mapping[str, Json] = {
    "start_empty": 1.5,
    "start_log": 1.6,
    "first_data": {"empty": 1.8, "overview": 2.5, "skills": 2.5},
    "line_ms": {"p50": 40, "p99": 120},
    "flood": {"lost": 0, "key_ms": {"p50": 50, "max": 150}, "cpu_percent": 60},
    "idle": {"cpu_percent": 0.6, "resident_mb": 110, "bytes_per_second": 0},
    "traffic_bytes_per_second": {"median": 3000, "max": 8000},
    "slow_link": {"key_ms": 1500, "memory_growth_mb": 5},
    "failing_run_ratio": 1.2,
}
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare and painted")
Bare().run()
"""
PAINTED = "Overview"
FIRST_DATA = {"empty": "verified 0 of 0", "overview": "No module named", "skills": "pip install module"}
HELP_SHOWN = "Show the whole record"  # at its top: what stands below needs a larger window
LOG_LINE = '{{"seq": {seq}, "at": "2026-11-22T08:00:00.000000Z", "kind": "bench.line", "what": "{what}"}}\n'
FLOOD_EVERY = 0.01  # seconds between two batches of records
KEYS_EVERY = 0.5
AGENTS = 4
SETTLE_SECONDS = 8.0


class Place:
    """A folder with a home of its own, and how the terminal is started on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "MESHTUI_HOME": str(root / "home"),
            "MESHTUI_OPERATOR_DIR": str(root / "operator"),
            "MESHTUI_BRIDGE": str(root / "bridge.db"),
            "MESHTUI_AGENT": "bench@host1",
            "MESHTUI_HOST": "host1",
        }

    def show(self, *arguments: str, rate: int = 0) -> Screen:
        """Start the terminal; `rate`: on a line of so many bytes a second."""
        return Screen([sys.executable, "-m", "meshtui", *arguments], self.environment, self.root, rate)

    def show_bare(self) -> Screen:
        """Start the peer."""
        return Screen([sys.executable, "-c", BARE], self.environment, self.root)

    def store(self) -> Store:
        """Open the home's store."""
        (self.root / "home").mkdir(mode=0o700, exist_ok=True)
        return Store(self.root / "home/store.db")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, in milliseconds."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000, 1)


def until_painted(screen: Screen, marker: str) -> float:
    """Return the seconds from the start of a process to its first paint, and end it."""
    with screen:
        return screen.wait_for(marker) - screen.started


def start(place: Place, rounds: int, log: Path) -> dict[str, Json]:
    """Start the peer and the terminal in turn; the ratio is of medians."""
    bare, empty, large = [], [], []
    for number in range(rounds + 1):
        found = (
            until_painted(place.show_bare(), "bare and painted"),
            until_painted(Place(place.root / f"empty{number}").show(), PAINTED),
            until_painted(place.show("--log", str(log)), "the-last-line"),
        )
        if number:  # the first round warms the disk's cache
            bare.append(found[0])
            empty.append(found[1])
            large.append(found[2])
    peer = statistics.median(bare)
    return {
        "bare_textual_seconds": round(peer, 3),
        "empty_seconds": round(statistics.median(empty), 3),
        "empty_ratio": round(statistics.median(empty) / peer, 2),
        "empty_goal": GOALS["start_empty"],
        "log_1gb_seconds": round(statistics.median(large), 3),
        "log_1gb_ratio": round(statistics.median(large) / peer, 2),
        "log_1gb_goal": GOALS["start_log"],
    }


def first_data(place: Place, rounds: int, skills: int, incidents: int, records: int) -> dict[str, Json]:
    """Start the peer, and the terminal in turn until it shows what is there: in an empty home and in a large one.

    Those are the right counts in the one and the rows of the list in the other, which has taken its bridge in before.
    """
    with closing(place.store()) as store:
        fill(store, skills, incidents)
    tell(place, records)
    with place.show() as screen:
        screen.wait_for(FIRST_DATA["overview"], seconds=120)
        _wait_until_taken_in(place, records)
        _settle(screen)
    spent: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        found = {
            "bare": until_painted(place.show_bare(), "bare and painted"),
            "empty": until_painted(Place(place.root / f"empty{number}").show(), FIRST_DATA["empty"]),
            **{pane: until_painted(place.show("--pane", pane), FIRST_DATA[pane]) for pane in ("overview", "skills")},
        }
        if number:  # the first round warms the disk's cache
            for name, seconds in found.items():
                spent.setdefault(name, []).append(seconds)
    medians = {name: statistics.median(seconds) for name, seconds in spent.items()}
    ratios = {name: round(median / medians["bare"], 2) for name, median in medians.items() if name != "bare"}
    return {
        "skills": skills,
        "incidents": incidents,
        "bridge_records": records,
        "seconds": {name: round(median, 3) for name, median in medians.items()},
        "ratio": ratios,
        "goal_ratio": GOALS["first_data"],
    }


def event_to_screen(place: Place, count: int) -> dict[str, Json]:
    """Return how long an incident takes from before its commit by another process to the screen."""
    spent = []
    with place.show() as screen, closing(place.store()) as store:
        screen.wait_for("meshtui demo")
        for number in range(count):
            token, seen = f"mod{number:05}", screen.written
            begun = time.monotonic()
            store.incidents.open(_incident(store, number, token), "a" * 64)
            spent.append(screen.wait_for(token, seen) - begun)
            time.sleep(0.75 + (number % 7) * 0.01)  # after quiet: in a burst the feed draws twice a second at most
    return {"n": count, "p50_ms": percentile(spent, 50), "p99_ms": percentile(spent, 99), "goal_ms": GOALS["line_ms"]}


def line_to_screen(place: Place, count: int) -> dict[str, Json]:
    """Return how long a line takes from before its write to the screen."""
    log, spent = place.root / "live.jsonl", []
    log.write_text(LOG_LINE.format(seq=0, what="first-line"))
    with place.show("--log", str(log)) as screen, log.open("a", buffering=1) as file:
        screen.wait_for("first-line")
        for number in range(1, count + 1):
            token, seen = f"tok{number:05}", screen.written
            begun = time.monotonic()
            file.write(LOG_LINE.format(seq=number, what=token))
            spent.append(screen.wait_for(token, seen) - begun)
            time.sleep(0.05 + (number % 7) * 0.01)
    return {"n": count, "p50_ms": percentile(spent, 50), "p99_ms": percentile(spent, 99), "goal_ms": GOALS["line_ms"]}


def flood(place: Place, seconds: float, rate: int, link: int = 0) -> dict[str, Json]:
    """Append records at a rate while keys are pressed; the last line shows that all came through.

    `link`: over a line of so many bytes a second.
    """
    log, done = place.root / "flood.jsonl", threading.Event()
    log.write_text(LOG_LINE.format(seq=0, what="first-line"))
    total = int(seconds * rate)

    def write() -> None:
        begun, written = time.monotonic(), 0
        with log.open("a", buffering=1 << 16) as file:
            while written < total:
                due = min(total, int((time.monotonic() - begun) * rate))
                for number in range(written, due):
                    file.write(LOG_LINE.format(seq=number + 1, what=f"flood{number + 1:08} " + "x" * 120))
                file.flush()
                written = due
                time.sleep(FLOOD_EVERY)
        done.set()

    keys = []
    with place.show("--log", str(log), rate=link) as screen:
        screen.wait_for("first-line")
        _settle(screen)  # by then all panes are loaded, a second after the start: no growth of the flood's
        memory = screen.resident_mb()
        writer = threading.Thread(target=write)
        cpu, begun = screen.cpu_seconds(), time.monotonic()
        writer.start()
        while not done.is_set():
            seen, pressed = screen.written, time.monotonic()
            screen.press("?")
            keys.append(screen.wait_for(HELP_SHOWN, seen) - pressed)
            screen.press("\x1b")
            screen.wait_until_gone(HELP_SHOWN)
            done.wait(KEYS_EVERY)
        busy = 100 * (screen.cpu_seconds() - cpu) / (time.monotonic() - begun)
        writer.join()
        grown = screen.resident_mb() - memory
        shown = True
        try:
            screen.wait_for(f"flood{total:08}", 0, 10)
        except TimeoutError:
            shown = False
    return {
        "records": total,
        "last_shown": shown,
        "key_p50_ms": percentile(keys, 50),
        "key_max_ms": percentile(keys, 100),
        "cpu_percent": round(busy, 1),
        "memory_growth_mb": round(grown, 1),
        "goal": GOALS["slow_link" if link else "flood"],
    }


def fill(store: Store, skills: int, incidents: int) -> None:
    """Put so many skills and incidents into a store, as a long history would."""
    with store.transaction():
        for number in range(skills):
            put(store, known_skill(f"module{number}"))
    for begin in range(0, incidents, 5000):
        with store.transaction():
            for number in range(begin, min(begin + 5000, incidents)):
                store.incidents.open(_incident(store, number, f"module{number % max(1, skills)}"), "a" * 64)


def tell(place: Place, records: int) -> None:
    """Let another node put so many records on the bridge."""
    settings = load(environment={**place.environment, "MESHTUI_HOME": str(place.root / "peer")})
    with Node(settings) as node:
        for number in range(records):
            announce_incident(node, _incident(node.store, number, f"other{number}"))
        publish(node)


def failing_run(place: Place, rounds: int, skills: int, incidents: int) -> dict[str, Json]:
    """Let a command that nothing is known of fail under `meshtui run`, in a small home and in a large one in turn."""
    spent: dict[str, list[float]] = {}
    for round_ in range(rounds + 1):
        for name, size in (("small", (20, 50)), ("large", (skills, incidents))):
            home = Place(place.root / name)
            if not round_:
                with closing(home.store()) as store:
                    fill(store, *size)
            argv = [sys.executable, "-m", "meshtui", "run", "--", sys.executable, "-c", f"import nosuch{round_}"]
            begun = time.monotonic()
            subprocess.run(argv, env=home.environment, cwd=home.root, capture_output=True, check=False)
            if round_:  # the first writes journal and skills file
                spent.setdefault(name, []).append(time.monotonic() - begun)
    small, large = (statistics.median(spent[name]) for name in ("small", "large"))
    return {
        "skills": skills,
        "incidents": incidents,
        "small_ms": round(small * 1000),
        "large_ms": round(large * 1000),
        "ratio": round(large / small, 2),
        "goal_ratio": GOALS["failing_run_ratio"],
    }


def _incident(store: Store, number: int, name: str) -> Json:
    agent = AgentInfo(f"agent{number % AGENTS}@host1", "shell", "host1")
    made = incident(number + 1, name, opened=store.now(), agent=agent)
    return replace(made, signature=replace(made.signature, line=f"ModuleNotFoundError: No module named '{name}'"))


def idle(place: Place, seconds: float, skills: int, incidents: int, records: int) -> dict[str, Json]:
    """Show a large home on a bridge that others have used, and do nothing."""
    with closing(place.store()) as store:
        fill(store, skills, incidents)
    tell(place, records)
    with place.show() as screen:
        screen.wait_for("No module named", seconds=120)
        first = screen.cpu_seconds()
        _wait_until_taken_in(place, records)
        _settle(screen)
        cpu, bytes_before, begun = screen.cpu_seconds(), screen.written, time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - begun
        return {
            "skills": skills,
            "incidents": incidents,
            "bridge_records": records,
            "taken_in_cpu_seconds": round(cpu - first, 2),
            "seconds": round(spent, 1),
            "cpu_percent": round(100 * (screen.cpu_seconds() - cpu) / spent, 2),
            "resident_mb": round(screen.resident_mb(), 1),
            "bytes_per_second": round((screen.written - bytes_before) / spent, 1),
            "goal": GOALS["idle"],
        }


def _wait_until_taken_in(place: Place, records: int, seconds: float = 240.0) -> None:
    """Wait until a home has acknowledged what others said; meanwhile nothing need change on the screen."""
    until = time.monotonic() + seconds
    address = load(environment=place.environment).bridge
    with closing(open_bridge(address, clock=SystemClock(), doorbell=False)) as bridge:
        while (found := len(bridge.received(range(1, records + 1)))) < records:
            if time.monotonic() > until:
                raise TimeoutError(f"{found} of {records} records were taken in within {seconds:g} s")
            time.sleep(0.2)


def _settle(screen: Screen) -> None:
    """Wait until nothing was written for a while: the journal is projected, the bridge joined, the history drawn."""
    still = time.monotonic()
    seen = screen.written
    until = still + 120
    while time.monotonic() - still < SETTLE_SECONDS and time.monotonic() < until:
        time.sleep(0.2)
        if screen.written != seen:
            seen, still = screen.written, time.monotonic()


def traffic(place: Place, seconds: int) -> dict[str, Json]:
    """Let one failure a second be matched, tried and verified; return the bytes of each second."""
    sizes = []
    with place.show() as screen, closing(place.store()) as store:
        screen.wait_for("meshtui demo")
        known = put(store, known_skill("django"))
        time.sleep(2)
        for number in range(AGENTS + seconds):
            seen, begun = screen.written, time.monotonic()
            made = _incident(store, number, "django")
            store.incidents.open(made, "a" * 64)
            about = {"incident_id": made.incident_id, "skill_id": known.skill_id}
            store.events.add("incident.matched", **about, data={"why": "the same", "tier": "exact"})
            store.events.add("try.decided", **about, data={"decision": "run", "reasons": ["allowed"]})
            store.tries.intend(f"{number:016x}", made.incident_id, known.skill_id, "policy", {}, "/srv/.venv", "1:1")
            done = outcome(
                number + 1,
                outcome_id=f"{number:016x}",
                incident_id=made.incident_id,
                skill_id=known.skill_id,
                at=to_text(FakeClock().now()),
            )
            with store.transaction():
                store.outcomes.add(done, own_operator=True, try_id=f"{number:016x}")
                store.incidents.set_state(made.incident_id, "verified", skill_id=known.skill_id, seconds=0.5)
            time.sleep(max(0.0, 1 - (time.monotonic() - begun)))
            if number >= AGENTS:  # by then every agent has its lane: a new one lays the screen out anew
                sizes.append(screen.written - seen)
    return {
        "seconds": seconds,
        "events_per_second": 6,
        "bytes_per_second_median": int(statistics.median(sizes)),
        "bytes_per_second_max": max(sizes),
        "goal_bytes_per_second": GOALS["traffic_bytes_per_second"],
    }


def make_log(path: Path, size: int, lines: int) -> None:
    """Write a log of about `size` bytes; its last line says so."""
    what = "y" * max(0, size // lines - 90)
    with path.open("w", buffering=1 << 20) as file:
        for number in range(lines - 1):
            file.write(LOG_LINE.format(seq=number, what=what))
        file.write(LOG_LINE.format(seq=lines, what="the-last-line"))


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="only these rows")
    parser.add_argument("--quick", action="store_true", help="short and small: does it work at all?")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the flood and the idling last")
    options = parser.parse_args()
    quick = options.quick
    lived = (1000, 5000, 500) if quick else (10_000, 100_000, 5000)
    seconds = 5.0 if quick else options.seconds
    size, lines = (10_000_000, 25_000) if quick else (1_000_000_000, 2_500_000)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        log = root / "large.jsonl"
        rows: Mapping[str, Callable[[Place], dict[str, Json]]] = {
            "start_to_first_paint": lambda place: start(place, 3 if quick else 10, log),
            "start_to_first_data": lambda place: first_data(place, 3 if quick else 10, *lived),
            "event_to_screen": lambda place: event_to_screen(place, 20 if quick else 60),
            "line_to_screen": lambda place: line_to_screen(place, 20 if quick else 300),
            "flood_2000_per_second": lambda place: flood(place, seconds, 2000),
            "idle": lambda place: idle(place, seconds, *lived),
            "slow_link_20_kb": lambda place: flood(place, seconds, 2000, 20_000),
            "failing_run": lambda place: failing_run(place, 3 if quick else 15, *lived[:2]),
            "traffic": lambda place: traffic(place, 8 if quick else 30),
        }
        if unknown := set(options.rows) - set(rows):
            parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
        wanted = options.rows or list(rows)
        if "start_to_first_paint" in wanted:
            make_log(log, size, lines)
        result = {name: measured(rows[name], Place(root / name)) for name in wanted}
    json.dump(result, sys.stdout, indent=1)
    print()
    if any("failed" in row for row in result.values()):
        sys.exit(1)


def measured(row: Callable[[Place], dict[str, Json]], place: Place) -> dict[str, Json]:
    """Return a row's figures, or why there are none: the other rows are measured all the same."""
    try:
        return row(place)
    except (MeshError, OSError, sqlite3.Error) as error:  # TimeoutError is an OSError
        return {"failed": str(error)}


if __name__ == "__main__":
    main()
