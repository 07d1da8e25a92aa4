"""Settings: option over environment over file over default; what does not fit is named with its place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from meshcore.config import (
    EXPECT_SECONDS,
    OLD_BRIDGE,
    BridgeAddress,
    MonitorSettings,
    Retention,
    Settings,
    ValidatorSettings,
    load,
)
from meshcore.errors import ConfigurationError


def settings(folder: Path, text: str | None = None, **variables: str) -> Settings:
    """Load with an operator's folder whose config.toml holds `text`."""
    if text is not None:
        (folder / "config.toml").write_text(text, "utf-8")
    return load(environment=environment(folder, **variables))


def environment(folder: Path, **variables: str) -> Mapping[str, str]:
    return {"MESHTUI_OPERATOR_DIR": str(folder), "USER": "anna", "MESHTUI_HOST": "dev1", **variables}


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    found = settings(tmp_path, XDG_DATA_HOME=str(tmp_path / "share"))
    assert found.home == tmp_path / "share" / "meshtui"
    assert found.operator == tmp_path
    assert found.bridge == BridgeAddress.of(Path(OLD_BRIDGE).expanduser())
    assert found.agent == "anna@dev1"
    assert (found.mode, found.fix_timeout_seconds, found.source) == (None, EXPECT_SECONDS, None)


@pytest.mark.parametrize(("key", "variable"), [("home", "MESHTUI_HOME"), ("bridge", "MESHTUI_BRIDGE")])
def test_option_over_environment_over_file_for_paths(tmp_path: Path, key: str, variable: str) -> None:
    assert str(getattr(settings(tmp_path, f'{key} = "/file"'), key)) == "/file"
    assert str(getattr(settings(tmp_path, **{variable: "/env"}), key)) == "/env"
    options = {key: "/option"}
    found = load(
        environment=environment(tmp_path, **{variable: "/env"}), home=options.get("home"), bridge=options.get("bridge")
    )
    assert str(getattr(found, key)) == "/option"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/srv/b.db", "/srv/b.db"),
        ("sqlite:///srv/b.db", "/srv/b.db"),
        ("memory:x", "memory:x"),
        ("postgresql://db.example:5432/mesh", "postgresql://db.example:5432/mesh"),
        ("postgresql://team@db.example/mesh", "postgresql://team@db.example/mesh"),
        ("postgresql://team:MARK@db.example/mesh", "postgresql://team@db.example/mesh"),
        ("postgresql://db.example/mesh?user=team&password=MARK", "postgresql://db.example/mesh"),
        ("postgresql://:MARK@db.example/mesh", "postgresql://…"),
        ("postgresql://a:MARK/x@MARK@h/d", "postgresql://…"),
        ("postgresql://h/d?password=MARK@MARK", "postgresql://…"),
        ("postgresql://team:MARK", "postgresql://…"),
        ("postgresql://a:M?MARK@h/d", "postgresql://…"),
        ("ssh://me@build2/srv/b.db", "ssh://me@build2/srv/b.db"),
        ("POSTGRES://u:MARK@[::1]:5432,other/d#MARK", "POSTGRES://u@[::1]:5432,other/d"),
    ],
)
def test_what_is_shown_of_a_bridge_s_address_holds_no_password(url: str, shown: str) -> None:
    address = BridgeAddress.parse(url)
    assert (address.shown, str(address)) == (shown, shown)
    assert "MARK" not in repr(address)
    assert address.is_secret == ("MARK" in url)


def test_an_address_that_holds_a_secret_is_pinned_nowhere() -> None:
    with pytest.raises(ConfigurationError, match=r"^postgresql://u@h/d: .*the unit.*config\.toml") as caught:
        BridgeAddress.parse("postgresql://u:MARK@h/d").pinned("the unit")
    assert "MARK" not in str(caught.value)
    assert BridgeAddress.parse("ssh://me@h/b.db").pinned("the unit") == "ssh://me@h/b.db"


def test_option_over_environment_over_file_over_default_for_the_agent(tmp_path: Path) -> None:
    assert settings(tmp_path).agent == "anna@dev1"
    assert settings(tmp_path, 'agent = "file"').agent == "file"
    assert settings(tmp_path, MESHTUI_AGENT="env").agent == "env"
    assert load(environment=environment(tmp_path, MESHTUI_AGENT="env"), agent="option").agent == "option"


def test_the_file_is_named_once_it_was_read_even_if_empty(tmp_path: Path) -> None:
    assert settings(tmp_path, "").source == tmp_path / "config.toml"
    other = tmp_path / "other.toml"
    other.write_text('mode = "hint"\nfix_timeout_seconds = 5\n[labels]\nteam = "red"\n')
    found = load(environment=environment(tmp_path), config=str(other))
    assert (found.source, found.mode, found.fix_timeout_seconds, found.labels) == (other, "hint", 5.0, {"team": "red"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('hoem = "/x"', "hoem"),
        ("[safety]\nx = 1", "safety"),
        ("home = 5", "home"),
        ("fix_timeout_seconds = true", "fix_timeout_seconds"),
        ("fix_timeout_seconds = 0", "fix_timeout_seconds"),
        ("fix_timeout_seconds = nan", "fix_timeout_seconds"),
        ("fix_timeout_seconds = inf", "fix_timeout_seconds"),
        ('mode = "yolo"', "yolo"),
        ("mode = ?", "line 1"),
        ('agent = "a\\u001b[2J"', "agent"),
        ('agent = "a\\u202eb"', "agent"),
        ('home = "/a\\u0000b"', "home"),
        ('home = "~nobody-of-this-name/x"', "home"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(tmp_path, text)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_file_that_is_no_text_or_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        settings(tmp_path)
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        settings(tmp_path)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load(environment=environment(tmp_path), config=str(tmp_path / "none.toml"))


def test_a_relative_folder_of_the_desktop_standard_is_ignored(tmp_path: Path) -> None:
    home = settings(tmp_path, XDG_DATA_HOME="relative").home
    assert home.is_absolute()
    assert "relative" not in home.parts


def test_how_long_things_are_kept_and_what_the_loops_do_is_read_from_tables(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "[retention]\njournal_days = 90\nrotate_mib = 16.5\n"
        "[monitor]\ninterval_seconds = 60\nchecks = true\n"
        '[validator]\nenabled = false\nruns_root = "/srv/runs"\n',
    )
    assert found.retention == Retention(journal_days=90.0, rotate_mib=16.5)
    assert found.monitor == MonitorSettings(interval_seconds=60.0, checks=True)
    assert found.validator == ValidatorSettings(enabled=False, runs_root=Path("/srv/runs"))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[effect]\nwithhold = 0.9", "a share from 0 to 0.5"),
        ("[effect]\nwithold = 0.2", "holds withhold"),
        ("[effect]\nwithhold = true", "a share from 0 to 0.5"),
        ("[retention]\njournal = 3", "unknown key 'journal'"),
        ("[retention]\njournal_days = 0", "a number above 0"),
        ("[retention]\nbridge_days = true", "a number above 0"),
        ("[monitor]\nchecks = 1", "true or false"),
        ("[monitor]\ninterval_seconds = inf", "a number above 0"),
        ("[validator]\nruns_root = 3", "a folder as a text"),
    ],
)
def test_a_table_that_does_not_fit_names_file_table_and_key(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        settings(tmp_path, table)


def test_a_config_that_is_no_file_is_said_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(environment={"MESHTUI_OPERATOR_DIR": str(tmp_path), "HOME": str(tmp_path)})
