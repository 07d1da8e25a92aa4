"""Keys: made once, private, refused where others could have read or replaced them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.errors import EXIT_CONFIGURATION, ConfigurationError
from meshcore.safety.keys import enrolment_text, identify, is_signed, load_or_create


def test_a_key_is_made_at_the_first_call_and_the_same_at_the_next(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "node.key"
    key = load_or_create(path)
    assert load_or_create(path) == key
    assert [entry.name for entry in path.parent.iterdir()] == ["node.key"]
    assert is_signed(key.public, "text", key.sign("text"))


def test_a_key_and_its_folder_are_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        load_or_create(tmp_path / "operator" / "operator.key")
    finally:
        os.umask(old)
    assert (tmp_path / "operator").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "operator" / "operator.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("permissions", [0o640, 0o644, 0o604, 0o660, 0o602])
def test_a_key_that_others_can_use_is_refused_with_the_remedy(tmp_path: Path, permissions: int) -> None:
    path = tmp_path / "node.key"
    load_or_create(path)
    path.chmod(permissions)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {path}") as caught:
        load_or_create(path)
    assert caught.value.exit_code == EXIT_CONFIGURATION


@pytest.mark.parametrize("content", [b"", b"\n", b"zz" * 32, b"ab" * 31, b"ab" * 33, b"\xff" * 32, b"x" * 10_000])
def test_a_file_that_holds_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"node\.key"):
        load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_behind_a_link_is_refused_even_where_the_link_leads_nowhere(tmp_path: Path) -> None:
    load_or_create(tmp_path / "real.key")
    (tmp_path / "node.key").symlink_to(tmp_path / "real.key")
    (tmp_path / "other.key").symlink_to(tmp_path / "nowhere")
    for name in ("node.key", "other.key"):
        with pytest.raises(ConfigurationError, match="symbolic link"):
            load_or_create(tmp_path / name)
    assert not (tmp_path / "nowhere").exists()


def test_a_pipe_in_place_of_a_key_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "node.key", 0o600)
    with pytest.raises(ConfigurationError, match="not a plain file"):
        load_or_create(tmp_path / "node.key")


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    load_or_create(path)
    nobody = 65534
    os.chown(path, 12345, -1)
    tmp_path.chmod(0o755)
    code = (
        "import os, sys, pathlib; from meshcore.home import read_plain_file\n"
        "from meshcore.safety import keys\n"
        f"real = os.geteuid; keys.os.geteuid = lambda: {nobody}\n"
        "try: keys.load_or_create(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ConfigurationError")
    assert "another user" in done.stdout


def test_two_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from meshcore.safety.keys import load_or_create; sys.stdin.read(1);"
        "print(load_or_create(pathlib.Path(sys.argv[1])).public)"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "k")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write(b"g")
        starter.stdin.flush()
    assert len({starter.communicate()[0] for starter in starters} - {b""}) == 1


def test_a_signature_has_one_spelling(tmp_path: Path) -> None:
    key = load_or_create(tmp_path / "k")
    signature = key.sign("text")
    assert is_signed(key.public, "text", signature)
    for other in (
        signature.upper(),
        " " + signature,
        signature + "\n",
        signature[:-2],
        signature + "00",
        "",
        "é" * 128,
    ):
        assert not is_signed(key.public, "text", other)
    for other in (key.public.upper(), key.public + " ", key.public[:-1], "", "g" * 64):
        assert not is_signed(other, "text", signature)
    assert not is_signed(key.public, "text ", signature)
    assert not is_signed(key.public, "\ud800", signature)


def test_an_identity_is_enrolled_by_the_operator(tmp_path: Path) -> None:
    identity = identify(tmp_path / "node.key", tmp_path / "operator.key")
    text = enrolment_text(identity.node.public, identity.operator)
    assert is_signed(identity.operator, text, identity.enrolment)
    assert identity.operator != identity.node.public
