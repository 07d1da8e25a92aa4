"""What the documents say of the commands is what the commands say of themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import click
import pytest
from scripts.docs import COMMANDS, MAN_PAGE, REPOSITORY, block_of, man_page, reference, replace_block

from meshtui.cli.main import meshtui

PAGES = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
MOST_WORDS = 1300
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_the_table_of_commands_is_current() -> None:
    assert block_of(COMMANDS, "reference") == reference(), "run: make readme ARGS=--reference"


def test_the_manual_page_is_current() -> None:
    assert MAN_PAGE.read_text("utf-8") == man_page(), "run: make readme ARGS=--reference"


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((REPOSITORY / "README.md").read_text("utf-8").split()) <= MOST_WORDS


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in PAGES:
        for target in LINK.findall(page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_is_there_with_its_options(page: Path) -> None:
    unknown = [call for call in calls(page.read_text("utf-8")) if not is_there(call)]
    assert unknown == []


def calls(text: str) -> list[str]:
    """Return every call of meshtui in a page: in back quotes, or at the start of a line of a block."""
    prose = re.sub(r"(?ms)^```.*?^```", "", text)
    blocks = "\n".join(re.findall(r"(?ms)^```\w*\n(.*?)^```", text))
    typed = re.findall(r"(?m)^(?:\$ )?(meshtui(?: .*)?)$", blocks)
    return [*re.findall(r"`(meshtui(?: [^`\n]+)?)`", prose), *typed]


def is_there(call: str) -> bool:
    """Tell whether a call names a command, and options, of meshtui."""
    quoted = re.sub(r"'[^']*'|\"[^\"]*\"", "QUOTED", call)
    words = re.split(r"  +#|\s[|>;&]|\s2>", quoted)[0].split()[1:]
    command, context = cast(click.Command, meshtui), click.Context(meshtui, info_name="meshtui")
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"-h", "--help"}
    skip = 0
    for word in words:
        if skip or word == "--":
            skip -= 1
            if word == "--":
                return True
            continue
        if word.startswith("-"):
            if word.split("=")[0] not in options:
                return False
            skip = int(any(word in param.opts and not getattr(param, "is_flag", False) for param in command.params))
        elif isinstance(command, click.Group):
            found = command.get_command(context, word.split("|")[0])
            if found is None:
                return not word.isalpha() or word.isupper()
            command = found
            options |= {name for param in found.params for name in (*param.opts, *param.secondary_opts)}
        elif command.name == "run":
            return True
    return True


def test_a_block_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n")
    replace_block(page, "x", "new | \\1")
    assert page.read_text() == "a\n<!-- begin x -->\nnew | \\1\n<!-- end x -->\nb\n"
    assert block_of(page, "x") == "new | \\1"
