"""Texts that steer a terminal, push their way into files or speak for others, and ways to hand them to a node."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from scripts.testbed.terminal import ROOT

from meshcore.bridge.base import Member, Publication
from meshcore.clock import SystemClock, to_text
from meshcore.config import BridgeAddress, Settings
from meshcore.errors import MeshError
from meshcore.healing.command import Command, failed
from meshcore.healing.teaching import teach
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.signature import read
from meshcore.model import Circumstances, Json, StepResult
from meshcore.node import Node
from meshcore.process.passthrough import Passed
from meshcore.safety.model_json import skill_to_json
from meshcore.safety.records import sign
from meshcore.safety.visible_text import visible
from meshcore.store.rows import outcome_to_json
from meshcore.testing import outcome

EVAL = ROOT / "../shared/eval"
LISTS = (
    *(("status",), ("agents",), ("deliveries",), ("nodes", "list"), ("doctor",), ("approvals", "list", "--all")),
    *(("incidents", "list", "--limit", "5000"), ("skills", "list", "--all"), ("mode",)),
)
WITH_JSON = tuple((*command, "--json") for command in LISTS)


@contextmanager
def nodes(folder: Path, *names: str) -> Iterator[list[Node]]:
    """Open nodes of one operator on one bridge."""
    opened = []
    try:
        for name in names:
            settings = Settings(
                folder / name, folder / "operator", BridgeAddress.of(folder / "bridge.db"), name, f"host-{name}"
            )
            opened.append(Node(settings))
            opened[-1].require_bridge()
        yield opened
    finally:
        for node in opened:
            node.close()


def fails(node: Node, argv: tuple[str, ...], output: str, environment: dict[str, str]) -> str:
    """Let a command have failed here, with this output; return the incident's id."""
    now = to_text(SystemClock().now())
    passed = Passed(1, output.encode("utf-8", "surrogatepass"), False, now, now, 0.1, "null")
    command = Command(argv, passed, node.clock.monotonic(), "shell", environment, str(Path.cwd()))
    return failed(node, command, "approve", lambda: None).incident.incident_id


# --- secrets ----------------------------------------------------------------------------------------------------------


STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What must not reach a terminal: C0 but tab and line feed, DEL, C1, overrides of direction, half surrogate pairs."""
OWN = re.compile("\x1b\\[[01]m")  # bold on and off, which headings of tables may have


def hostile_texts() -> list[str]:
    """Return every labelled hostile text, generated ones written out."""
    rows = [json.loads(line) for line in (EVAL / "hostile_text_dev.jsonl").read_text("utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    for row in rows:
        if gen := row.get("gen"):
            texts.append(gen["prefix"] + gen["unit"] * gen["count"] + gen["suffix"])
    return texts


def steering_bytes(data: bytes) -> list[str]:
    """Return each control character in what a command wrote, with what stands around it."""
    text = OWN.sub("", data.decode("utf-8", "replace").replace("\r\n", "\n"))
    return [ascii(text[max(0, m.start() - 20) : m.end() + 10]) for m in STEERING.finditer(text)]


def push_hostile(victim: Node, peer: Node, text: str) -> None:
    fails(victim, ("deploy", text), f"starting\n{text}\ndeploy: failed: {text}\n", {"PATH": "/usr/bin", "LANG": text})
    with suppress(MeshError):
        teach(victim, f"deploy: failed: {text}", "deploy --again", context=text, command=f"deploy {text}")
    node = peer.identity.node.public
    skill = learn(read("deploy: it went wrong"), parse_fix("true"))
    one = replace(skill, error_type=text, example_line=text, example_command=text, context=text)
    other = replace(skill, template=f"{visible(text, limit=200)} {skill.template}", example_line=text, context=text)
    step = StepResult((text, text), 1, 0.1, text)
    done = outcome(agent=text, host=text, actor=text, node=node, steps=(step,), rerun=step, skill_id=skill.skill_id)
    words = ("incident_id", "opened", "agent", "via", "host", "program", "error_type", "template", "line")
    bodies: list[tuple[str, dict[str, Json]]] = [
        ("hello", {"name": text, "host": text, "user": text}),
        ("incident", {**dict.fromkeys(words, text), "exit_code": 1}),
        *(("skill", {"skill": skill_to_json(s), "confirmed": True, "name": text, "host": text}) for s in (one, other)),
        (
            "outcome",
            outcome_to_json(replace(done, outcome_id=text or "-", incident_id=text, circumstances=Circumstances())),
        ),
    ]
    for kind, body in bodies:
        with suppress(MeshError):  # half a surrogate pair cannot be written at all
            record = sign(kind, body, peer.store.outbox.next_author_seq(), peer.identity, peer.clock)
            peer.require_bridge().publish([Publication(record, kind)])
            if kind == "hello":
                peer.require_bridge().join(Member(node, text, text, record))
