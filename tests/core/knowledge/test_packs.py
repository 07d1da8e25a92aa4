"""What is shipped of the world is read strictly, small, and names its sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.knowledge import packs
from meshcore.knowledge.packs import FOLDER, PACKS, BadPackError, pack, problems, read_pack
from meshcore.knowledge.well_known import distribution_of

HEAD = b"# meshtui pack 1: imports\n# made today\n"


def test_every_pack_that_is_shipped_is_read() -> None:
    assert problems() == []
    assert {name: bool(pack(name)) for name in PACKS} == dict.fromkeys(PACKS, True)
    assert (
        pack("imports")["yaml"] == "pyyaml" and pack("pytest")["mocker"] == "pytest-mock" and "express" in pack("node")
    )


def test_the_packs_together_are_small_and_name_source_and_date() -> None:
    files = sorted(FOLDER.iterdir())
    assert [path.stem for path in files] == sorted(PACKS)
    assert sum(path.stat().st_size for path in files) < 1 << 20
    for path in files:
        head = path.read_text("ascii").splitlines()[:3]
        assert "scripts/packs.py on 20" in head[1] and head[2].startswith("# from ") and "==" in head[2]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin as one"),
        (b"six\n", "does not begin as one"),
        (HEAD.replace(b"imports", b"node") + b"six\n", "does not begin as one"),
        (HEAD.replace(b"pack 1", b"pack 2") + b"six\n", "is of format 2, and this version reads 1"),
        (HEAD + b"six\nrequests", "line 4 is no name of that kind, or is cut off"),
        (HEAD + b"six\n--index-url=x\n", "line 4"),
        (HEAD + b"six --upgrade\n", "line 3"),
        (HEAD + b"six ../six\n", "line 3"),
        (HEAD + b"six https://x/six.whl\n", "line 3"),
        (HEAD + b"six six extra\n", "line 3"),
        (HEAD + b"six \x1b[2Jsix\n", "line 3"),
        (HEAD + b"s\xc3\xaf\n", "no plain text"),
        (HEAD + b"six\nsix other\n", "names something twice"),
        (HEAD + b"\n", "line 3"),
    ],
)  # fmt: skip
def test_a_pack_that_is_not_one_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(BadPackError) as refused:
        read_pack("imports", data)
    assert why in str(refused.value) and "\n" not in str(refused.value) and str(refused.value).isprintable()


def test_one_bad_pack_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "node.txt").write_bytes(b"# meshtui pack 1: node\n" + b"a" * packs.MAX_BYTES)
    (tmp_path / "pytest.txt").unlink()
    monkeypatch.setattr(packs, "FOLDER", tmp_path)
    packs._read.cache_clear()
    try:
        assert pack("node") == {} == pack("pytest")
        assert pack("imports")["yaml"] == "pyyaml"
        assert [why.split(" is passed over")[0] for why in problems()] == ["the pack node", "the pack pytest"]
    finally:
        packs._read.cache_clear()


def test_what_left_the_standard_library_has_the_successor_that_its_documents_name() -> None:
    assert distribution_of("distutils") == "setuptools" and distribution_of("asyncore") == "pyasyncore"
