"""Rows about secrets and hostile text: pushed in wherever text comes in, looked for wherever bytes come out."""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.testbed.terminal import environment_of, outputs
from scripts.testbed.texts import (
    LISTS,
    STEERING,
    WITH_JSON,
    fails,
    hostile_texts,
    nodes,
    push_hostile,
    steering_bytes,
)

from benchmarks.safety_rows import ABSENT, EVAL, Row, meshtui, run, share, skipped
from meshcore.errors import MeshError
from meshcore.exchange.receive import exchange, pull
from meshcore.healing.teaching import teach
from meshcore.model import Json
from meshcore.node import Node

LEAKED = "secrets leaked by the filter: 0"
CHANGED = "look-alikes of secrets that are changed: ≤ 0.05"
IN_SINKS = "secrets leaked in any sink (store, bridge, old table, journal, skills file, output): 0"
CONTROL = "control bytes of a payload that reach the terminal, all hostile texts, every command: 0"
WINDOW = 8  # characters in a row of a secret that must not survive, as in score_secrets.py
QUICK_TEXTS = 60


def secret_rows(quick: bool) -> list[Row]:
    """Score the filter, then push every labelled line through the whole product and look at the raw bytes."""
    if not EVAL.is_dir():
        return [skipped(goal, ABSENT) for goal in (LEAKED, CHANGED, IN_SINKS)]
    with tempfile.TemporaryDirectory() as name:
        scorer = [sys.executable, str(EVAL / "score_secrets.py"), *meshtui("redact", "--jsonl")]
        done = run(scorer, environment_of(Path(name)))
    said = json.loads(done.stdout.splitlines()[-1])
    how = "score_secrets.py meshtui redact --jsonl"
    changed = share(said["changed"], said["look_alikes"])
    return [
        Row(LEAKED, said["leaked"], said["leaked"] == said["missing"] == said["rc"] == 0, f"{how}; of {said['of']}"),
        Row(CHANGED, changed, changed <= 0.05, f"{how}; {said['changed']} of {said['look_alikes']}"),
        _sinks(quick),
    ]


def _labelled_secrets() -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (EVAL / "secrets_dev.jsonl").read_text("utf-8").splitlines()]
    return [{**row, "line": row.get("line") or base64.b64decode(row["line_b64"]).decode()} for row in rows]


def _sinks(quick: bool) -> Row:
    rows = _labelled_secrets()
    windows = secret_windows(rows)
    rows = [row for row in rows if row["must_redact"] or not quick]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = outputs([*LISTS, *WITH_JSON], environment_of(folder / "fresh"), folder / "work", tty=False)
        windows = {piece: kind for piece, kind in windows.items() if piece not in own}
        with nodes(folder, "a", "b") as (a, b):
            for row in rows:
                _push_secret(a, row)
            for node in (a, b, a):
                exchange(node)
                node.project()
            met = len(a.store.incidents.all(limit=-1))
            ids = [incident.incident_id for incident in a.store.incidents.all(limit=-1)]
            labels = [str(known.label) for known in a.store.skills.all()]
        raw = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for home in ("a", "b"):
            commands: list[Sequence[str]] = [*LISTS, *WITH_JSON]
            commands += [("incidents", "show", i) for i in ids] + [("policy", "explain", i) for i in ids]
            commands += [("skills", "show", label) for label in labels]
            environment = environment_of(folder, MESHTUI_HOME=str(folder / home))
            raw[f"output of {home}"] = outputs(commands, environment, folder / "work", tty=False)
        leaks = sorted({f"{kind} in {place}" for place, data in raw.items() for kind in leaked(windows, data)})
    size = sum(map(len, raw.values()))
    how = (
        f"{len(rows)} lines as output, argument, variable, lesson and context; {met} incidents, {len(labels)} skills; "
        f"{size >> 10} KiB of {len(raw)} files and outputs of two nodes searched for {len(windows)} pieces"
    )
    return Row(IN_SINKS, {"leaks": len(leaks), "where": leaks[:10]}, not leaks and met >= len(rows), how)


def _push_secret(node: Node, row: dict[str, Any]) -> None:
    line = row["line"]
    variables = {"PATH": "/usr/bin:/bin", "API_TOKEN": line, "PYTHONPATH": line, "LC_ALL": line}
    fails(node, ("deploy", "--to", line), f"starting\n{line}\ndeploy: failed\n", variables)
    for error, fix in (
        (f"deploy: failed: {line}", "deploy --again"),
        ("deploy: failed again", f"deploy --with {line}"),
    ):
        with suppress(MeshError):  # what is no lesson is refused
            teach(node, error, fix, context=line, command=f"deploy {line}")


def secret_windows(rows: Iterable[dict[str, Any]]) -> dict[bytes, str]:
    """Return each piece of a secret that stands nowhere outside of one, with the kind of the secret.

    Pieces are taken of a secret as it is and as JSON writes it.
    """
    secrets, public = [], []
    for row in rows:
        at = 0
        for start, end in row["spans"] if row["must_redact"] else ():
            public.append(row["line"][at:start])
            secrets.append((row["line"][start:end], row["kind"]))
            at = end
        public.append(row["line"][at:])
    elsewhere = "\n".join([*public, *map(json.dumps, public)])
    found = {}
    for secret, kind in secrets:
        for form in {secret, json.dumps(secret)[1:-1]}:
            for at in range(max(1, len(form) - WINDOW + 1)):
                piece = form[at : at + WINDOW]
                if piece not in elsewhere:
                    found[piece.encode()] = kind
    return found


def leaked(windows: dict[bytes, str], data: bytes) -> set[str]:
    """Return the kinds of secrets of which a piece stands in the data."""
    return {kind for piece, kind in windows.items() if piece in data}


# --- hostile text -----------------------------------------------------------------------------------------------------


def hostile_rows(quick: bool) -> list[Row]:
    """Push every hostile text in at every place, run every command on a terminal and in a pipe, look at the bytes."""
    if not EVAL.is_dir():
        return [skipped(CONTROL, ABSENT)]
    every = hostile_texts()
    steering = [text for text in every if STEERING.search(text)]
    others = [text for text in every if text not in steering]
    texts = steering + (others[:: max(1, len(others) // QUICK_TEXTS)] if quick else others)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with nodes(folder, "victim", "peer") as (victim, peer):
            for text in texts:
                push_hostile(victim, peer, text)
            while pull(victim).more:
                pass
            exchange(victim)
            victim.project()
            ids = [incident.incident_id for incident in victim.store.incidents.all(limit=-1)]
            labels = [str(known.label) for known in victim.store.skills.all()]
            rejected = len(victim.store.records.rejected(limit=100_000))
        step = 10 if quick else 1
        shown = [*LISTS, *WITH_JSON]
        shown += [("incidents", "show", i) for i in ids[::step]] + [("policy", "explain", i) for i in ids[::step]]
        shown += [("skills", "show", label) for label in labels[::step]]
        asked = [command for text in steering[:: 2 if quick else 1] for command in _with_argument(text)]
        environment = environment_of(folder, MESHTUI_HOME=str(folder / "victim"))
        (folder / "operator" / "HALT").write_text("".join(steering), "utf-8", errors="surrogatepass")
        written = {
            "terminal": outputs([*shown, *asked], environment, folder / "work", tty=True),
            "pipe": outputs(shown, environment, folder / "work", tty=False),
        }
    found = {place: steering_bytes(data) for place, data in written.items()}
    count = sum(map(len, found.values()))
    how = (
        f"{len(texts)} of {len(every)} texts as output, argument, lesson, and in a peer's names, incidents, skills and "
        f"outcomes: {len(ids)} incidents, {len(labels)} skills, {rejected} records rejected; {len(shown) + len(asked)} "
        f"commands on a terminal ({len(written['terminal']) >> 10} KiB), {len(shown)} in a pipe"
    )
    figure: dict[str, Json] = {"control": count, "where": {p: sorted(set(f))[:10] for p, f in found.items() if f}}
    return [Row(CONTROL, figure, count == 0 and bool(ids) and bool(labels), how)]


def _with_argument(text: str) -> Iterator[tuple[str, ...]]:
    yield (text,)
    yield ("match", "--error", f"deploy: failed: {text}")
    yield ("policy", "check", text)
    yield ("incidents", "show", text)
    yield ("skills", "show", text)
    yield ("approvals", "approve", text)
    yield ("learn", "--error", f"deploy: failed: {text}", "--fix", f"deploy {text}", "--context", text)
    yield ("--agent", text, "status")
    yield ("--config", text, "status")
    yield ("mode", text)
