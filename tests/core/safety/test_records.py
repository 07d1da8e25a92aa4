"""Records: one signature over all of it, so that nothing of it can be changed, mixed or made up."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from meshcore.errors import BadRecordError
from meshcore.model import Json, Record, canonical
from meshcore.safety.keys import Identity, enrolment_text, identify, is_signed, load_or_create
from meshcore.safety.records import MAX_BYTES, author_of, sign, verify
from meshcore.testing import FakeClock

FLIPS = 2_000


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    folder = tmp_path_factory.mktemp("keys")
    return identify(folder / "node.key", folder / "operator.key")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    folder = tmp_path_factory.mktemp("strange")
    return identify(folder / "node.key", folder / "operator.key")


def record(me: Identity, **body: Json) -> Record:
    return sign("skill", body or {"skill": "pip install django"}, 7, me, FakeClock())


def resigned(me: Identity, text: str) -> Record:
    """Return a text under its author's own, valid signature."""
    return Record(text, me.node.public, me.node.sign(text))


def changed(me: Identity, **fields: Json) -> Record:
    return resigned(me, canonical({**json.loads(record(me).text), **fields}))


def upper(text: str, place: int) -> str:
    return text[:place] + text[place : place + 1].upper() + text[place + 1 :]


def is_accepted(candidate: Record) -> bool:
    try:
        verify(candidate)
    except BadRecordError as error:
        assert "\n" not in str(error)
        return False
    return True


def test_a_signed_record_says_who_when_and_what(me: Identity) -> None:
    made = record(me, n=1)
    assert (made.kind, made.author, made.author_seq, dict(made.body)) == ("skill", me.node.public, 7, {"n": 1})
    assert made.created == "2026-11-22T08:00:00.000000Z"
    assert verify(Record(made.text, made.key, made.sig)) == made


def test_no_flipped_bit_of_text_key_or_signature_is_accepted(me: Identity) -> None:
    made = record(me)
    chance = random.Random(20261122)
    accepted = 0
    for _ in range(FLIPS):
        parts = [bytearray(part.encode()) for part in (made.text, made.key, made.sig)]
        part = chance.choice(parts)
        part[chance.randrange(len(part))] ^= 1 << chance.randrange(7)
        text, key, sig = (part.decode() for part in parts)
        accepted += is_accepted(Record(text, key, sig))
    assert accepted == 0


def test_every_hex_digit_in_another_case_is_refused(me: Identity) -> None:
    made = record(me)
    for place in range(len(made.sig)):
        key, sig = upper(made.key, place), upper(made.sig, place)
        assert key == made.key or not is_accepted(replace(made, key=key))
        assert sig == made.sig or not is_accepted(replace(made, sig=sig))


def test_parts_of_two_records_do_not_mix(me: Identity, stranger: Identity) -> None:
    one, two, theirs = record(me, n=1), record(me, n=2), record(stranger, n=1)
    assert not is_accepted(replace(one, sig=two.sig))
    assert not is_accepted(replace(one, text=two.text))
    assert not is_accepted(replace(one, key=theirs.key, sig=theirs.sig))
    assert not is_accepted(replace(one, key=theirs.key, sig=stranger.node.sign(one.text)))


def test_a_record_in_the_name_of_another_author_is_refused(me: Identity, stranger: Identity) -> None:
    with pytest.raises(BadRecordError, match="another key than its author's"):
        verify(resigned(stranger, record(me).text))


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 2},
        {"v": None},
        {"v": "1"},
        {"author_seq": 0},
        {"author_seq": -1},
        {"author_seq": True},
        {"author_seq": 2**63},
        {"author_seq": 1.0},
        {"author_seq": "1"},
        {"kind": 5},
        {"created": None},
        {"operator": []},
        {"enrolment": 0},
        {"body": []},
        {"body": "x"},
    ],
)
def test_a_field_of_another_form_is_refused_though_it_is_signed(me: Identity, fields: dict[str, Json]) -> None:
    with pytest.raises(BadRecordError):
        verify(changed(me, **fields))


def test_unknown_fields_are_kept_and_ignored(me: Identity) -> None:
    made = verify(changed(me, stars=5))
    assert json.loads(made.text)["stars"] == 5


@pytest.mark.parametrize("text", ["", "not json", "[]", "5", "null", '"text"', "{}", "{} {}", "\ufeff{}"])
def test_a_signed_text_that_is_no_object_is_refused(me: Identity, text: str) -> None:
    with pytest.raises(BadRecordError):
        verify(resigned(me, text))


@pytest.mark.parametrize(
    "body",
    [
        '{"n":NaN}',
        '{"n":Infinity}',
        '{"n":1e999}',
        '{"n":1,"n":2}',
        '{"n":' + "[" * 100 + "]" * 100 + "}",
        '{"n":' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"n":' + "9" * 5000 + "}",
        '{"n":"\\ud800"}',
    ],
)
def test_strict_json_only_though_it_is_signed(me: Identity, body: str) -> None:
    good = record(me).text
    before, _, after = good.partition('"body":{"skill":"pip install django"}')
    assert after
    with pytest.raises(BadRecordError, match="JSON refused"):
        verify(resigned(me, f'{before}"body":{body}{after}'))


def test_a_second_body_in_one_text_is_refused(me: Identity) -> None:
    text = record(me).text
    with pytest.raises(BadRecordError, match="twice"):
        verify(resigned(me, text[:-1] + ',"body":{"skill":"rm -rf /"}}'))


@pytest.mark.parametrize("letter", ["x", "é"])
def test_more_than_the_limit_is_neither_made_nor_accepted(me: Identity, letter: str) -> None:
    with pytest.raises(BadRecordError, match="larger than 256 KiB"):
        sign("skill", {"context": letter * MAX_BYTES}, 1, me, FakeClock())
    with pytest.raises(BadRecordError, match=r"larger|more than"):
        verify(changed(me, body={"context": letter * (MAX_BYTES // len(letter.encode()))}))
    assert is_accepted(changed(me, body={"context": "x" * (MAX_BYTES - 2000)}))


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800", b"bytes"])
def test_a_body_that_is_not_plain_json_is_not_signed(me: Identity, value: object) -> None:
    with pytest.raises(BadRecordError):
        sign("skill", {"n": value}, 1, me, FakeClock())


def test_the_author_of_a_record_is_vouched_for_by_its_operator(me: Identity) -> None:
    author = author_of(record(me))
    assert (author.node, author.operator) == (me.node.public, me.operator)


def test_an_enrolment_by_another_operator_counts_for_nothing(me: Identity, stranger: Identity) -> None:
    claims = {
        "an enrolment of another node": {"operator": stranger.operator, "enrolment": stranger.enrolment},
        "another operator's name": {"operator": stranger.operator},
        "signed by the node itself": {
            "enrolment": me.node.sign(enrolment_text(me.node.public, me.operator)),
        },
        "nothing": {"operator": "", "enrolment": ""},
        "no hex": {"operator": me.operator.upper(), "enrolment": me.enrolment},
    }
    for claim, fields in claims.items():
        assert author_of(verify(changed(me, **fields))).operator == "", claim


def test_a_stranger_cannot_borrow_my_operator(me: Identity, stranger: Identity) -> None:
    borrowed = changed(stranger, author=stranger.node.public, operator=me.operator, enrolment=me.enrolment)
    assert author_of(verify(borrowed)).operator == ""


def test_a_clock_that_steps_back_makes_good_records_all_the_same(me: Identity) -> None:
    clock = FakeClock()
    clock.set_wall(clock.now().replace(year=1971))
    assert is_accepted(sign("skill", {}, 8, me, clock))


def test_a_key_that_was_loaded_again_signs_the_same(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "k").sign("text")
    assert load_or_create(tmp_path / "k").sign("text") == made


def test_what_an_operator_signed_of_an_author_is_checked_once(
    me: Identity, stranger: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def watched(key: str, text: str, signature: str) -> bool:
        checked.append(key)
        return is_signed(key, text, signature)

    monkeypatch.setattr("meshcore.safety.records.is_signed", watched)
    said = [verify(record(me, n=n)) for n in range(3)] + [verify(record(stranger))]
    checked.clear()
    operators = [me.operator] * 3 + [stranger.operator]
    assert [author_of(one).operator for one in said * 2] == operators * 2
    assert len(checked) <= 2
    other = changed(me, operator=stranger.operator)
    assert [author_of(verify(other)).operator for _ in range(2)] == ["", ""]
