"""pip's settings are read where pip reads them, and what is damaged there says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.healing.pip_settings import pip_settings, with_pip_settings


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home/.config/pip").mkdir(parents=True)
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "none")}


def test_the_nearer_setting_wins(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "home/.config/pip/pip.conf").write_text("[global]\nindex-url = https://home/\ntimeout = 3\n")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv/pip.conf").write_text("[install]\nindex_url = https://venv/\n")
    target = str(tmp_path / "venv")
    assert pip_settings(environment, "")["index-url"] == "https://home/"
    assert pip_settings(environment, target)["index-url"] == "https://venv/"
    assert pip_settings({**environment, "PIP_INDEX_URL": "https://own/"}, target)["index-url"] == "https://own/"
    assert pip_settings({**environment, "PIP_CONFIG_FILE": "/dev/null"}, target) == {}


def test_settings_of_another_folder_are_read_there(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "own/pip").mkdir(parents=True)
    (tmp_path / "own/pip/pip.conf").write_text("[global]\nindex-url = https://own/\n")
    assert pip_settings({**environment, "XDG_CONFIG_HOME": str(tmp_path / "own")}, "")["index-url"] == "https://own/"


@pytest.mark.parametrize(
    "text", ["", "[", "cert = x", "[global]\ncert", "[global]\n\xff", "[global]\n" + "x" * (1 << 18)]
)
def test_a_damaged_file_has_no_settings(tmp_path: Path, environment: dict[str, str], text: str) -> None:
    of_the_host = pip_settings(environment, "")
    (tmp_path / "home/.config/pip/pip.conf").write_text(text, "latin-1")
    assert pip_settings(environment, "") == of_the_host


@pytest.mark.parametrize(
    ("cert", "told"), [("/srv/ca.pem", "/srv/ca.pem"), ("~/ca.pem", "{home}/ca.pem"), ("ca.pem", "ca.pem"), ("", "")]
)
def test_certificates_that_a_file_names_are_told(
    tmp_path: Path, environment: dict[str, str], cert: str, told: str
) -> None:
    (tmp_path / "home/.config/pip/pip.conf").write_text(f"[global]\ncert = {cert}\n")
    home = environment["HOME"]
    assert with_pip_settings(environment, "").get("PIP_CERT", "") == told.format(home=home)
    assert with_pip_settings({**environment, "PIP_CERT": "/own.pem"}, "")["PIP_CERT"] == "/own.pem"


def test_sources_that_a_file_names_are_told_as_pip_would_take_them(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "home/.config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://own/\nfind-links =\n    ~/wheels\n    /srv/wheels\nconstraint = /etc/own/c.txt\n"
        "timeout = 3\nproxy = proxy:3128\nextra-index-url =\ncert = ~/ca.pem\n"
    )
    told = with_pip_settings({**environment, "PIP_INDEX_URL": "https://nearer/"}, "")
    assert {name: value.split() for name, value in told.items() if name.startswith("PIP_")} == {
        "PIP_INDEX_URL": ["https://nearer/"],
        "PIP_FIND_LINKS": [f"{tmp_path}/home/wheels", "/srv/wheels"],
        "PIP_CONSTRAINT": ["/etc/own/c.txt"],
        "PIP_CERT": [f"{tmp_path}/home/ca.pem"],
    }
