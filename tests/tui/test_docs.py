"""What the documents say of the commands is what the commands say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.docs import COMMANDS, MAN_PAGE, README, block_of, man_page, reference, replace_block

REPOSITORY = README.parent
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_the_table_of_commands_is_current() -> None:
    assert block_of(COMMANDS, "reference") == reference(), "run: make readme ARGS=--reference"


def test_the_manual_page_is_current() -> None:
    assert MAN_PAGE.read_text("utf-8") == man_page(), "run: make readme ARGS=--reference"


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")):
        for target in LINK.findall(page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_a_block_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n")
    replace_block(page, "x", "new | \\1")
    assert page.read_text() == "a\n<!-- begin x -->\nnew | \\1\n<!-- end x -->\nb\n"
    assert block_of(page, "x") == "new | \\1"
