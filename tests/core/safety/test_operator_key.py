"""The operator's key under a passphrase: one usable key at any moment, and no way in without the passphrase."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError, UsageError
from meshcore.safety.keys import enrolment_text, is_signed, load_or_create
from meshcore.safety.operator_key import (
    enrol,
    enrolled,
    is_protected,
    protect,
    public_file,
    public_half,
    unlock,
    unprotect,
)

WORDS = "correct horse battery"
CHEAP = 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operator.key"


def test_a_protected_key_is_the_same_key_and_private(path: Path) -> None:
    before = load_or_create(path).public
    assert protect(path, WORDS, cost=CHEAP).public == before
    assert is_protected(path)
    assert public_half(path) == before
    assert unlock(path, WORDS).public == before
    for file in (path, public_file(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_of_the_key_lies_open_in_the_file(path: Path) -> None:
    seed = load_or_create(path).seed
    protect(path, WORDS, cost=CHEAP)
    assert seed.hex().encode() not in path.read_bytes()
    assert seed not in path.read_bytes()
    assert {entry.name for entry in path.parent.iterdir()} == {"operator.key", "operator.pub"}


@pytest.mark.parametrize("wrong", ["", "correct horse batterx", WORDS + " ", "\udcff"])
def test_a_wrong_passphrase_is_one_line_and_no_key(path: Path, wrong: str) -> None:
    protect(path, WORDS, cost=CHEAP)
    for use in (unlock, unprotect):
        with pytest.raises(UsageError, match="passphrase is wrong") as caught:
            use(path, wrong)
        assert "\n" not in str(caught.value)
    assert is_protected(path)


def test_a_passphrase_is_not_short(path: Path) -> None:
    with pytest.raises(UsageError, match="8 characters"):
        protect(path, "1234567", cost=CHEAP)
    assert not is_protected(path)


def test_protecting_again_checks_the_passphrase_and_mends_the_public_half(path: Path) -> None:
    key = protect(path, WORDS, cost=CHEAP)
    public_file(path).unlink()
    with pytest.raises(ConfigurationError, match="trust protect"):
        public_half(path)
    with pytest.raises(UsageError):
        protect(path, "another passphrase", cost=CHEAP)
    assert protect(path, WORDS, cost=CHEAP).public == key.public
    assert public_half(path) == key.public


def test_without_its_passphrase_again_it_is_a_plain_key(path: Path) -> None:
    key = protect(path, WORDS, cost=CHEAP)
    assert unprotect(path, WORDS).public == key.public
    assert not is_protected(path)
    assert load_or_create(path).public == key.public


@pytest.mark.parametrize("cost", ["0", "1", "3", "99999999"])
def test_a_file_that_asks_for_an_absurd_cost_is_refused_before_any_work(path: Path, cost: str) -> None:
    protect(path, WORDS, cost=CHEAP)
    path.write_bytes(path.read_bytes().replace(b"n=2 ", f"n={cost} ".encode()))
    with pytest.raises(ConfigurationError, match="not a protected key"):
        unlock(path, WORDS)


def test_a_truncated_file_is_an_error_in_one_line(path: Path) -> None:
    protect(path, WORDS, cost=CHEAP)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises((UsageError, ConfigurationError)):
            unlock(path, WORDS)


def test_killed_at_any_moment_one_usable_key_is_left(path: Path) -> None:
    public = load_or_create(path).public
    for round_ in range(20):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                while True:
                    os.write(write, b"x")
                    protect(path, WORDS, cost=CHEAP)
                    unprotect(path, WORDS)
            finally:
                os._exit(1)
        os.close(write)
        os.read(read, 1 + round_ % 3)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
        found = unlock(path, WORDS) if is_protected(path) else load_or_create(path)
        assert found.public == public
        assert not is_protected(path) or public_half(path) == public


def test_a_node_keeps_its_enrolment_and_that_of_its_next_key(path: Path, tmp_path: Path) -> None:
    operator, kept = load_or_create(path), tmp_path / "node.enrolment"
    first, second = load_or_create(tmp_path / "node.key"), load_or_create(tmp_path / "node.key.new")
    assert enrolled(first, operator.public, kept).enrolment == ""
    enrol(first, operator, kept)
    enrol(second, operator, kept)
    for node in (first, second):
        identity = enrolled(node, operator.public, kept)
        assert is_signed(operator.public, enrolment_text(node.public, operator.public), identity.enrolment)
    assert enrolled(first, second.public, kept).enrolment == ""
