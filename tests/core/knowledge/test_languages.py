"""One error in several languages is one error: by catalogues read backwards, by the system's words, by numbers."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from meshcore.knowledge import languages
from meshcore.knowledge.signature import read
from meshcore.knowledge.text import spoken


def template(text: str, command: str = "") -> tuple[str, str]:
    found = read(text, command=command)
    return found.error_type, found.template


def catalogue(folder: Path, language: str, domain: str, messages: dict[str, str]) -> None:
    """Write a catalogue as gettext's tools do."""
    pairs = sorted((english.encode(), other.encode()) for english, other in messages.items())
    count, data, tables = len(pairs), b"", [b"", b""]
    start = 28 + 16 * count
    for at in (0, 1):
        for pair in pairs:
            tables[at] += struct.pack("<2I", len(pair[at]), start + len(data))
            data += pair[at] + b"\0"
    head = b"\xde\x12\x04\x95" + struct.pack("<6I", 0, count, 28, 28 + 8 * count, 0, 0)
    path = folder / language / "LC_MESSAGES" / f"{domain}.mo"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + tables[0] + tables[1] + data)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which `wrench` speaks a language that nobody speaks, and is told to."""
    monkeypatch.setattr(languages, "FOLDERS", (str(tmp_path),))
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    messages = {
        "cannot turn %s with %s": "kun %2$s ne turneblas %1$s",
        "no bolt named '%s' in %s": "en %2$s mankas riglilo „%1$s“",
        "line %d: %s is stuck": "vico %d: %s blokiĝis",
        "stuck": "fiksita",
    }
    catalogue(tmp_path, "xx", "wrench", messages)
    return tmp_path


def test_a_message_of_a_catalogue_is_read_backwards_with_its_values_in_their_places(folder: Path) -> None:
    assert template("wrench: kun arm_3 ne turneblas nut_7") == template("wrench: cannot turn nut_7 with arm_3")
    assert template("wrench: en box_1 mankas riglilo „M8“") == template("wrench: no bolt named 'M8' in box_1")
    assert template("wrench: vico 12: axle blokiĝis") == template("wrench: line 12: axle is stuck")


def test_a_single_word_of_a_catalogue_is_left_where_it_stands(folder: Path) -> None:
    assert languages.in_english("wrench: fiksita", "wrench") == "wrench: fiksita"


@pytest.mark.parametrize("data", [b"", b"\xde\x12\x04\x95", b"\xde\x12\x04\x95" + b"\xff" * 40, b"x" * 99])
def test_a_broken_catalogue_is_none(folder: Path, data: bytes) -> None:
    (folder / "xx" / "LC_MESSAGES" / "wrench.mo").write_bytes(data)
    languages._catalogue.cache_clear()
    assert languages.in_english("wrench: kun a ne turneblas b", "wrench") == "wrench: kun a ne turneblas b"


ENOENT = {
    "de": "Datei oder Verzeichnis nicht gefunden",
    "fr": "Aucun fichier ou dossier de ce type",
    "es": "No existe el fichero o el directorio",
    "zh_CN": "没有那个文件或目录",
    "ja": "そのようなファイルやディレクトリはありません",
}


@pytest.mark.parametrize("language", ENOENT)
def test_the_systems_words_are_known_without_a_catalogue(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "FOLDERS", ())
    said, english = ENOENT[language], "No such file or directory"
    assert template(f"cat: /srv/a: {said}") == template(f"cat: /srv/a: {english}")
    raised = "Traceback (most recent call last):\nFileNotFoundError: [Errno 2] {}: '/srv/a'"
    assert template(raised.format(said)) == template(raised.format(english))


def test_a_number_of_the_system_is_enough_for_words_that_nobody_has_listed() -> None:
    raised = "Traceback (most recent call last):\nOSError: [Errno 28] {}: '/srv/a'"
    assert template(raised.format("Не осталось места, увы")) == template(raised.format("No space left on device"))


@pytest.mark.parametrize(
    "said",
    [
        "bash: Zeile 1: djangoo: Kommando nicht gefunden.",
        "bash: ligne 1: djangoo : commande introuvable",
        "bash: línea 1: djangoo: orden no encontrada",
        "bash: 行 1: djangoo: 未找到命令",
        "bash: 行 1: djangoo: コマンドが見つかりません",
        "fish: Unknown command: djangoo\nfish: \ndjangoo\n^~~~~~^",
    ],
)
def test_a_command_that_is_not_there_is_the_same_in_every_language_and_shell(said: str) -> None:
    assert template(said, "djangoo") == ("CommandNotFound", "<identifier>: command not found")


def test_english_is_left_as_it_is() -> None:
    for text in ("make: *** No rule to make target 'é'.  Stop.", "error: café not found", "Größe: 3\nerror: bad size"):
        assert languages.in_english(text, "make") == text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"LANG": "C.UTF-8"}, []),
        ({"LANG": "en_US.UTF-8"}, []),
        ({"LANG": "de_DE.UTF-8"}, ["de_DE"]),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, []),
        ({"LANG": "C.UTF-8", "LANGUAGE": "fr:en"}, ["fr"]),
        ({"LANG": "../../etc.UTF-8"}, []),
    ],
)
def test_the_language_of_an_environment(environment: dict[str, str], expected: list[str]) -> None:
    assert spoken(environment) == expected


REAL = ["cat /nonexist", "grep x /nonexist", "mkdir /tmp", "rmdir /", "sort /nonexist", "git nosuch", "make nosuch"]


@pytest.mark.parametrize("language", ["de", "fr", "es", "it", "pl"])
def test_what_real_programs_say_in_another_language_is_the_same_error(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/usr/share/locale", language, "LC_MESSAGES", "coreutils.mo").exists():
        pytest.skip(f"no catalogues of {language} on this machine")
    same, different = 0, []
    for command in (one for one in REAL if shutil.which(one.split()[0])):
        said = []
        for other in ("C", language):
            environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "LANGUAGE": other, "HOME": "/"}
            done = subprocess.run(
                command.split(), env=environment, capture_output=True, text=True, cwd="/", check=False
            )
            said.append(done.stderr or done.stdout)
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        monkeypatch.setenv("LANGUAGE", language)
        if template(said[1], command) == template(said[0], command):
            same += 1
        else:
            different.append(said[1])
    assert len(different) <= 1 and same >= 4, different
