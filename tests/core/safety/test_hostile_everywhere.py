"""Hostile text at every way in: it is stored, told, matched, written and drawn as data, or refused with a reason."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scripts.testbed.terminal import environment_of, outputs
from scripts.testbed.texts import LISTS, STEERING, WITH_JSON, hostile_texts, nodes, push_hostile, steering_bytes

from meshcore.bridge.base import Delivery
from meshcore.errors import BadRecordError, MeshError
from meshcore.exchange.receive import exchange, pull, take_in
from meshcore.healing.teaching import teach
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import matches
from meshcore.knowledge.signature import read
from meshcore.model import Json, Record
from meshcore.node import Node
from meshcore.safety.model_json import skill_to_json
from meshcore.safety.records import sign, verify
from meshcore.safety.strict_json import loads

AUTHORED = (
    "\x1b]52;c;ZWNobyBwd25lZA==\x07",
    "\x1b[2J\x1b[H\x1b[8m",
    "\x9b31m\x9d0;title\x9c\x90q\x9c",
    "a\x00b\x08\x7f",
    "line\r\x1b[Kanother",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b",
    "\ud800 half a pair",
    "[bold red]markup[/] {0} %s $(id) `id` '\"; DROP TABLE skills;--",
    "../../etc/passwd",
    "(a+)+$ .* [",
    "x" * 200_000,
    "",
    "\n\n\n",
    "{}{}",
)
BOMBS = {
    "a number of 5,000 digits": '{"n":' + "1" * 5000 + "}",
    "not a number": '{"score":NaN}',
    "infinity by overflow": '{"score":1e999}',
    "two values": "{}{}",
    "a key twice": '{"v":1,"v":2}',
    "deep lists": "[" * 5000 + "]" * 5000,
    "deep objects": '{"a":' * 5000 + "1" + "}" * 5000,
    "a million empty lists": "[" + "[]," * 1_000_000 + "[]]",
    "half a pair": '"\\ud800"',
    "nothing": "",
    "a long text": '"' + "x" * (17 << 20) + '"',
}
MEMORY = 50 << 20  # bytes that a bomb may cost


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    with nodes(tmp_path, "victim", "peer") as (victim, peer):
        yield victim, peer


def journal_lines(node: Node) -> list[bytes]:
    """Return the lines as a reader sees them that splits at line feeds only."""
    return node.home.journal.read_bytes().split(b"\n")[:-1]


def assert_drawn_as_data(folder: Path, node: Node) -> None:
    ids = [incident.incident_id for incident in node.store.incidents.all(limit=-1)]
    labels = [str(known.label) for known in node.store.skills.all()]
    commands = [*LISTS, *WITH_JSON, *(("incidents", "show", i) for i in ids), *(("skills", "show", n) for n in labels)]
    environment = environment_of(folder, MESHTUI_HOME=str(node.home.root))
    for tty in (True, False):
        written = outputs(commands, environment, folder / "work", tty=tty)
        assert len(written) > 1000
        assert b"Traceback" not in written
        assert steering_bytes(written) == []


def assert_kept_as_data(victim: Node) -> None:
    lines = journal_lines(victim)
    events = [json.loads(line) for line in lines]
    assert [event["seq"] for event in events] == list(range(1, victim.store.events.last() + 1))
    for value in strings([json.loads(victim.home.skills_file.read_text("utf-8")), events]):
        assert not STEERING.search(value), ascii(value)


def strings(value: Json) -> Iterator[str]:
    """Return every text in a value as JSON gave it, the names of fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def test_what_is_hostile_is_stored_told_and_drawn_as_data(pair: tuple[Node, Node], tmp_path: Path) -> None:
    victim, peer = pair
    for text in AUTHORED:
        push_hostile(victim, peer, text)
    while pull(victim).more:
        pass
    exchange(victim)
    victim.project()
    assert len(victim.store.incidents.all(limit=-1)) >= len(AUTHORED)
    assert_kept_as_data(victim)
    assert_drawn_as_data(tmp_path, victim)


@pytest.mark.slow
def test_the_given_texts_are_stored_and_told_as_data(pair: tuple[Node, Node], shared: Path) -> None:
    victim, peer = pair
    every = hostile_texts()
    steering = [text for text in every if STEERING.search(text)]
    texts = steering + [text for text in every if text not in steering][::5]  # `make safety` takes all
    for text in texts:
        push_hostile(victim, peer, text)
    while pull(victim).more:
        pass
    exchange(victim)
    victim.project()
    assert len(victim.store.incidents.all(limit=-1)) >= len(texts)
    assert [event.kind for event in victim.store.events.after(0, 10**6)].count("fault") == 0
    assert_kept_as_data(victim)


@pytest.mark.parametrize(
    "text",
    AUTHORED,
    ids=range(len(AUTHORED)),
)
def test_a_lesson_of_any_text_answers_its_own_error_or_is_refused_with_a_reason(
    pair: tuple[Node, Node], text: str
) -> None:
    victim, _ = pair
    error = f"deploy: it failed: {text}"
    try:
        known, _ = teach(victim, error, "deploy --again", context=text, command=f"deploy {text}")
    except MeshError as refused:
        assert "\n" not in str(refused)
        return
    found = matches(read(known.skill.example_line, command=known.skill.example_command), victim.store.skills)
    assert all(match.skill_id == known.skill.skill_id for match in found)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_in_little_memory(pair: tuple[Node, Node], bomb: str) -> None:
    victim, peer = pair
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with pytest.raises(BadRecordError):
        loads(bomb)
    signed = Record(bomb, peer.identity.node.public, peer.identity.node.sign(bomb))
    with pytest.raises(BadRecordError):
        verify(signed)
    receipts = take_in(victim, (Delivery(1, signed, ""), Delivery(2, Record(bomb, "", ""), "", "legacy")))
    # An empty text is what an erased body leaves: passed over, and known when it comes again.
    assert [receipt.status for receipt in receipts] == (["rejected", "rejected"] if bomb else ["ignored", "stored"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MEMORY + 4 * len(bomb)


def test_a_bomb_in_a_field_of_a_signed_record_is_refused_too(pair: tuple[Node, Node]) -> None:
    victim, peer = pair
    skill = skill_to_json(learn(read("deploy: it went wrong"), parse_fix("true")))
    for field in ("template", "error_type", "example_line", "context"):
        body = {"skill": {**skill, field: "(a|" * 20_000}, "confirmed": True}
        record = sign("skill", body, peer.store.outbox.next_author_seq(), peer.identity, peer.clock)
        [receipt] = take_in(victim, (Delivery(1, replace(record), ""),))
        stored = victim.store.skills.all()
        assert receipt.status == "rejected" or all(len(known.skill.context) <= 2000 for known in stored)
    assert victim.home.store.stat().st_size < 10 << 20
