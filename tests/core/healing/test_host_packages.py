"""The host's own index is asked for a package, and nothing else is: a host without one gives no answer."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from meshcore.healing.host_packages import HostIndex, Kind

CONTENTS = """\
bin/ps                                   admin/procps
usr/bin/psql                             database/postgresql-client-common
usr/bin/vi                               editors/vim,editors/nvi
usr/bin/vim                              editors/vim,editors/neovim
usr/include/cups/cups.h                  libdevel/libcups2-dev
usr/lib/x86_64-linux-gnu/libz.so         libdevel/zlib1g-dev
usr/share/pkgconfig/udev.pc              admin/udev
usr/share/doc/bin/ps                     doc/other
"""


def program(root: Path, name: str, text: str) -> None:
    path = root / "usr/bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    program(tmp_path, "apt-get", "exit 1")
    program(tmp_path, "apt-cache", 'for name; do :; done; cat "${0%/usr/bin/apt-cache}/facts/$name" 2>/dev/null')
    (tmp_path / "facts").mkdir()
    (tmp_path / "usr/lib/apt").mkdir(parents=True)
    helper = tmp_path / "usr/lib/apt/apt-helper"
    helper.write_text('#!/bin/sh\ncat "$2"\n')
    helper.chmod(0o755)
    (tmp_path / "var/lib/apt/lists").mkdir(parents=True)
    return tmp_path


def name(root: Path, kind: Kind, wanted: str) -> str:
    found = HostIndex(str(root)).package(kind, wanted)
    return found.name if found else ""


def test_a_host_without_an_index_gives_no_answer(tmp_path: Path, debian: Path) -> None:
    assert HostIndex(str(tmp_path / "nothing")).package("program", "ps") is None
    assert name(debian, "program", "ps") == ""


@pytest.mark.parametrize(
    ("kind", "wanted", "package"),
    [
        ("program", "ps", "procps"), ("program", "vi", ""), ("program", "vim", "vim"), ("program", "p", ""),
        ("header", "cups/cups.h", "libcups2-dev"), ("header", "cups.h", "libcups2-dev"), ("library", "z", "zlib1g-dev"),
        ("pkg-config", "udev", "udev"),
        ("program", "--help", ""), ("program", "../ps", ""), ("header", "../cups/cups.h", ""), ("program", "p.", ""),
        ("program", "ps\n", ""),
    ],
)  # fmt: skip
def test_the_lists_of_files_say_which_package_holds_it(debian: Path, kind: Kind, wanted: str, package: str) -> None:
    (debian / "var/lib/apt/lists/x_main_Contents-amd64").write_text(CONTENTS)
    assert name(debian, kind, wanted) == package


@pytest.mark.parametrize(
    ("kind", "wanted", "package"),
    [
        ("header", "openssl/ssl.h", "libssl-dev"), ("header", "yaml.h", "libyaml-dev"),
        ("library", "X11", "libx11-dev"),
        ("header", "a/b/yaml.h", "libyaml-dev"), ("pkg-config", "libyaml", "libyaml-dev"), ("header", "yaml.hpp", ""),
        ("header", "config.h", ""), ("header", "zlib.h", ""), ("header", "ssl/yaml.h", ""), ("library", "doc", ""),
    ],
)  # fmt: skip
def test_without_lists_of_files_a_package_is_known_that_is_called_after_its_library(
    debian: Path, kind: Kind, wanted: str, package: str
) -> None:
    for one, section in (
        ("ssl", "libdevel"),
        ("yaml", "libdevel"),
        ("x11", "libdevel"),
        ("config", "libdevel"),
        ("doc", "doc"),
    ):
        (debian / f"facts/lib{one}-dev").write_text(f"Package: lib{one}-dev\nSection: main/{section}\n")
    assert name(debian, kind, wanted) == package
    (debian / "var/lib/apt/lists/x_main_Contents-amd64").write_text(CONTENTS)
    assert name(debian, kind, wanted) == ""


def test_the_version_of_a_library_in_its_packages_name_is_passed_over_where_there_is_one_only(debian: Path) -> None:
    (debian / "facts/libcups").write_text("libcups2\nlibcups2-dev\nlibcupsfilters-dev\n")
    for one in ("libcups2-dev", "liblua5.3-dev", "liblua5.4-dev"):
        (debian / f"facts/{one}").write_text(f"Package: {one}\nSection: libdevel\n")
    (debian / "facts/liblua").write_text("liblua5.3-dev\nliblua5.4-dev\n")
    assert name(debian, "header", "cups/cups.h") == "libcups2-dev"
    assert name(debian, "header", "lua.h") == ""


@pytest.mark.parametrize(
    ("kind", "wanted", "package"),
    [
        ("program", "ping", "iputils-ping"),
        ("program", "dig", "dnsutils"),  # an older host's name of it
        ("header", "zlib.h", "zlib1g-dev"),
        ("library", "z", "zlib1g-dev"),
        ("pkg-config", "zlib", "zlib1g-dev"),
        ("program", "ps", ""),  # of which this host's index has no package
    ],
)
def test_a_package_that_is_called_otherwise_is_known_where_the_index_has_it(
    debian: Path, kind: Kind, wanted: str, package: str
) -> None:
    for one in ("iputils-ping", "dnsutils", "zlib1g-dev"):
        (debian / f"facts/{one}").write_text(f"Package: {one}\n")
    assert name(debian, kind, wanted) == package
    (debian / "var/lib/apt/lists/x_main_Contents-amd64").write_text("usr/bin/other x/other\n")
    assert name(debian, kind, wanted) == ""  # the lists of files know better


@pytest.mark.parametrize(
    ("wanted", "package"),
    [("libGL.so.1", "libgl1"), ("libglib-2.0.so.0", "libglib2.0-0"), ("libnss3.so", "libnss3"), ("libz.so.1", "")],
)
def test_a_shared_library_is_known_by_the_name_that_debians_policy_gives_its_package(
    debian: Path, wanted: str, package: str
) -> None:
    for one in ("libgl1", "libglib2.0-0", "libnss3"):
        (debian / f"facts/{one}").write_text(f"Package: {one}\nSection: libs\n")
    assert name(debian, "library", wanted) == package
    contents = "usr/lib/x86_64-linux-gnu/libz.so.1    libs/zlib1g\n"
    (debian / "var/lib/apt/lists/x_main_Contents-amd64").write_text(contents)
    assert name(debian, "library", "libz.so.1") == "zlib1g"


def test_a_compiler_of_any_kind_comes_with_what_builds(debian: Path) -> None:
    assert name(debian, "program", "cc") == ""
    (debian / "facts/build-essential").write_text("Package: build-essential\nSection: devel\n")
    assert name(debian, "program", "cc") == "build-essential"


def test_command_not_founds_data_come_first(debian: Path) -> None:
    path = debian / "var/lib/command-not-found/commands.db"
    path.parent.mkdir(parents=True)
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE packages (pkgID INTEGER, name TEXT, priority INTEGER);"
        "CREATE TABLE commands (cmdID INTEGER, pkgID INTEGER, command TEXT);"
        "INSERT INTO packages VALUES (1, 'ripgrep', 0), (2, '--evil', 0);"
        "INSERT INTO commands VALUES (1, 1, 'rg'), (2, 2, 'evil');"
    )
    database.close()
    assert name(debian, "program", "rg") == "ripgrep" and name(debian, "program", "evil") == ""
    path.write_bytes(b"no database")
    assert name(debian, "program", "rg") == ""


def test_a_package_of_the_same_name_is_told_as_what_it_is(debian: Path) -> None:
    (debian / "facts/jq").write_text("Package: jq\nSection: utils\n")
    (debian / "facts/docker").write_text("Package: docker\nSection: x11\n")
    (debian / "facts/grep").write_text("Package: grep\nSection: utils\nEssential: yes\n")
    found = HostIndex(str(debian)).package("program", "jq")
    assert found is not None and found.install[-4:] == ("apt-get", "install", "-y", "jq")
    assert "it does not say" in found.why
    assert name(debian, "program", "docker") == name(debian, "program", "grep") == ""


def test_the_systems_first_process_is_not_brought_in_later(debian: Path) -> None:
    (debian / "var/lib/apt/lists/x_main_Contents-amd64").write_text("bin/systemctl   admin/systemd\n")
    assert name(debian, "program", "systemctl") == ""


@pytest.mark.parametrize(
    ("manager", "text", "kind", "wanted", "install"),
    [
        ("dnf", 'case "$*" in *"/usr/bin/ps") echo procps-ng;; esac', "program", "ps",
         ("dnf", "install", "-y", "procps-ng")),
        ("apk", 'case "$*" in *"cmd:ps") echo procps;; esac', "program", "ps", ("apk", "add", "procps")),
        ("pacman", 'case "$*" in *"usr/bin/ps") echo core/procps-ng;; esac', "program", "ps",
         ("pacman", "-S", "--noconfirm", "procps-ng")),
        ("brew", "echo jq", "program", "jq", ("brew", "install", "jq")),
    ],
)  # fmt: skip
def test_other_distributions_are_asked_in_their_own_way(
    tmp_path: Path, manager: str, text: str, kind: Kind, wanted: str, install: tuple[str, ...]
) -> None:
    program(tmp_path, manager, text)
    found = HostIndex(str(tmp_path)).package(kind, wanted)
    assert found is not None and found.install[-len(install) :] == install
    program(tmp_path, manager, "echo one; echo other")
    assert HostIndex(str(tmp_path)).package(kind, wanted) is None
    program(tmp_path, manager, "exec sleep 5")
    assert HostIndex(str(tmp_path), seconds=0.2).package(kind, wanted) is None
