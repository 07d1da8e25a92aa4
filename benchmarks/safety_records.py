"""The row about forged records: flipped, replayed, mixed and re-signed ones, given to a node as the bridge would."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from scripts.testbed.hosts import Host, Hosts

from benchmarks.safety_rows import Row
from meshcore.bridge.base import Delivery
from meshcore.exchange.receive import take_in
from meshcore.model import Action, Json, Record, canonical

GOAL = "flipped, replayed, mixed or re-signed records accepted, of 2,000: 0"
COUNT = 2_000
QUICK_COUNT = 400
GENUINE = 20
SEED = 20261122

Forger = Callable[["Workshop"], Record]


class Workshop:
    """Genuine records of one operator, and the key of a stranger who forges from them."""

    def __init__(self, genuine: list[Record], stranger: Host, rng: random.Random) -> None:
        self.genuine = genuine
        self.stranger = stranger.node.identity
        self.rng = rng

    def any(self) -> Record:
        return self.rng.choice(self.genuine)

    def two(self) -> tuple[Record, Record]:
        one, other = self.rng.sample(self.genuine, 2)
        return one, other

    def signed_by_stranger(self, text: str) -> Record:
        return Record(text, self.stranger.node.public, self.stranger.node.sign(text))


def flipped(shop: Workshop) -> Record:
    """One bit of the text, the key or the signature is another."""
    record = shop.any()
    parts = [bytearray(part.encode()) for part in (record.text, record.key, record.sig)]
    part = shop.rng.choice(parts)
    part[shop.rng.randrange(len(part))] ^= 1 << shop.rng.randrange(7)
    text, key, sig = (part.decode() for part in parts)
    return Record(text, key, sig)


def replayed(shop: Workshop) -> Record:
    """The same record once more."""
    return shop.any()


def mixed(shop: Workshop) -> Record:
    """Parts of two records: their signatures, their bodies, or the pattern of one with the action of the other."""
    one, other = shop.two()
    fields, others = json.loads(one.text), json.loads(other.text)
    match shop.rng.randrange(4):
        case 0:
            return Record(one.text, one.key, other.sig)
        case 1:
            return Record(canonical({**fields, "body": others["body"]}), one.key, one.sig)
        case 2:
            name = shop.rng.choice([key for key in fields if key != "body" and fields[key] != others[key]])
            return Record(canonical({**fields, name: others[name]}), one.key, one.sig)
        case _:
            if "skill" in fields["body"] and "skill" in others["body"]:
                fields["body"]["skill"]["action"] = others["body"]["skill"]["action"]
            else:
                fields["body"] = others["body"]
            return Record(canonical(fields), one.key, one.sig)


def resigned(shop: Workshop) -> Record:
    """A stranger signs: the text as it is, with their name in it, or with a made-up enrolment."""
    record = shop.any()
    fields = json.loads(record.text)
    match shop.rng.randrange(4):
        case 0:
            return shop.signed_by_stranger(record.text)
        case 1:
            return shop.signed_by_stranger(canonical({**fields, "author": shop.stranger.node.public}))
        case 2:
            lie: dict[str, Json] = {"author": shop.stranger.node.public, "enrolment": shop.stranger.enrolment}
            return shop.signed_by_stranger(canonical({**fields, **lie}))
        case _:
            text = canonical({**fields, "author_seq": fields["author_seq"] + 1_000})
            return Record(text, record.key, shop.stranger.node.sign(text))


FORGERS: tuple[Forger, ...] = (flipped, replayed, mixed, resigned)


def trusted_state(host: Host) -> str:
    """Return all that a host believes on its own operator's word: skills, their states, outcomes."""
    store = host.node.store
    skills = [
        (known.skill.skill_id, known.state, known.confirmed, known.author, known.evidence.verified)
        for known in store.skills.all()
        if known.own_operator
    ]
    outcomes = [(done.outcome_id, done.node, done.result) for done in store.outcomes.of()]
    return repr((sorted(skills), sorted(outcomes)))


def record_rows(quick: bool) -> list[Row]:
    """Deliver forgeries; whatever changes what a node believes was accepted.

    Replays go to a node that has taken in the genuine records, and to which a person has said that half of the skills
    are quarantined; all else to one that has seen none of them. That one must still take in the genuine ones after it.
    """
    count, rng = QUICK_COUNT if quick else COUNT, random.Random(SEED)
    accepted: Counter[str] = Counter()
    receipts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, Hosts(Path(folder), 3) as mesh:
        knows, knows_none = mesh.others
        shop = Workshop(_genuine(mesh), mesh.join("stranger", "stranger"), rng)
        _deliver(knows, shop.genuine)
        for known in knows.node.store.skills.all()[: GENUINE // 2]:
            knows.node.store.skills.set_state(known.skill.skill_id, "quarantined", "a person")
        before = {host: trusted_state(host) for host in (knows, knows_none)}
        for number in range(count):
            forger = FORGERS[number % len(FORGERS)]
            host = knows if forger is replayed else knows_none
            receipts[f"{forger.__name__} {_deliver(host, [forger(shop)])[0]}"] += 1
            after = trusted_state(host)
            accepted[forger.__name__] += after != before[host]
            before[host] = after
        blocked = sum(status != "stored" for status in _deliver(knows_none, shop.genuine))
    how = (
        f"{count} forgeries of {len(shop.genuine)} records, a quarter each; accepted is what changes what a node "
        f"believes; receipts: {dict(receipts)}; genuine records that a forgery then kept out: {blocked}"
    )
    return [Row(GOAL, accepted.total(), accepted.total() == blocked == 0, how)]


def _genuine(mesh: Hosts) -> list[Record]:
    for number in range(GENUINE):
        error = f"ModuleNotFoundError: No module named 'genuine{number}'"
        skill = mesh.send_skill(error, Action("argv", (("pip", "install", f"genuine{number}"),)))
        mesh.send_success(skill, "host00", number)
    reader = mesh.others[0].node.identity.node.public
    found = [delivery.record for delivery in mesh.bridge.receive(reader, 0, 1_000).deliveries]
    if len(found) != 2 * GENUINE:
        raise RuntimeError(f"{len(found)} genuine records are on the bridge, not {2 * GENUINE}")
    return found


def _deliver(host: Host, records: list[Record]) -> list[str]:
    deliveries = tuple(Delivery(seq, record, "") for seq, record in enumerate(records, 1))
    return [receipt.status for receipt in take_in(host.node, deliveries)]
