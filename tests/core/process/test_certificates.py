"""Of what variables name as trusted only certificates count: they may name anything, also a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshcore.process.certificates import NAMED_BY, certificates

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("variable", NAMED_BY)
def test_each_variable_may_name_a_file_of_certificates(variable: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(f"# the company's\n{PEM}{PEM}")
    assert certificates({variable: str(tmp_path / "ca.pem")}) == [str(tmp_path / "ca.pem")]


@pytest.mark.parametrize(
    "held",
    [
        "", "machine index login me password hunter2\n", KEY, PEM + KEY, "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        PEM + "-----BEGIN OpenVPN Static key V1-----\n", PEM + "#" * (1 << 22),
    ],
    ids=["empty", "netrc", "key", "certificate and key", "ssh", "vpn", "endless"],
)  # fmt: skip
def test_what_holds_anything_else_is_none(held: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(held)
    assert certificates({"SSL_CERT_FILE": str(tmp_path / "file"), "SSL_CERT_DIR": str(tmp_path)}) == []


def test_a_folder_counts_where_each_of_its_files_does(tmp_path: Path) -> None:
    ours, mixed, nested, empty = (tmp_path / name for name in ("ours", "mixed", "nested", "empty"))
    for folder in (ours, mixed, nested, empty):
        folder.mkdir()
        if folder != empty:
            (folder / "ca.pem").write_text(PEM)
    (ours / "0a1b2c3d.0").symlink_to("ca.pem")
    (ours / "gone.0").symlink_to("away.pem")
    (mixed / "id_ed25519").write_text(KEY)
    (nested / "inside").mkdir()
    folders = map(str, (ours, mixed, nested, empty, tmp_path / "absent"))
    assert certificates({"SSL_CERT_DIR": ":".join(folders)}) == [str(ours)]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert certificates({"SSL_CERT_FILE": str(tmp_path / "pipe"), "PIP_CERT": "relative", "SSL_CERT_DIR": "\0"}) == []


def test_what_is_in_sight_through_each_link_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "ca.pem").write_text(PEM)
    (tmp_path / "shown/own.pem").write_text(PEM)
    (tmp_path / "shown/link.pem").symlink_to(tmp_path / "ca.pem")
    env = {"SSL_CERT_FILE": str(tmp_path / "shown/own.pem"), "PIP_CERT": str(tmp_path / "shown/link.pem")}
    assert certificates(env, in_sight=(str(tmp_path / "shown"),)) == [str(tmp_path / "shown/link.pem")]
