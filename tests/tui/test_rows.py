"""A list of any length: columns that give way, a cursor that stays on its row, text that cannot steer a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.tui.pilot import text_of
from textual.app import App, ComposeResult

import meshtui
from meshtui.themes import THEMES
from meshtui.widgets.cells import fit, plain, wrapped
from meshtui.widgets.heading import Column, widths
from meshtui.widgets.rows import Cell, Row, Rows

COLUMNS = (Column("name", 6, flex=1), Column("state", 8, priority=1), Column("note", 10, flex=1, priority=2))


class ListApp(App[None]):
    CSS_PATH = Path(meshtui.__file__).with_name("meshtui.tcss")
    snapshot = None  # of the mesh: there is none behind these rows

    def __init__(self, count: int) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.made: list[str] = []
        self.ids = [f"row-{number}" for number in range(count)]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(THEMES[0].variables)

    def row(self, row_id: str) -> Row:
        self.made.append(row_id)
        return (row_id, Cell("fine", "good"), "\x1b]52;c;aGk=\x07[b]")

    def compose(self) -> ComposeResult:
        yield Rows(COLUMNS, self.row, empty="nothing", id="list")

    def on_mount(self) -> None:
        self.rows.set_ids(self.ids)
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)


def lines(app: ListApp) -> list[str]:
    return [app.rows.render_line(y).text for y in range(app.rows.size.height)]


async def test_a_hundred_thousand_rows_cost_what_is_on_the_screen() -> None:
    app = ListApp(100_000)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end")
        assert "row-99999" in lines(app)[-1]
        assert len(set(app.made)) < 100


async def test_the_cursor_stays_on_its_row_when_others_come_above_it() -> None:
    app = ListApp(100)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*["down"] * 40)
        top = lines(app)[1]
        app.rows.set_ids([*(f"new-{n}" for n in range(7)), *app.ids])
        await pilot.pause()
        assert app.rows.selected == "row-40"
        assert lines(app)[1] == top


async def test_a_cursor_on_the_first_row_stays_with_the_newest() -> None:
    app = ListApp(10)
    async with app.run_test(size=(80, 24)) as pilot:
        app.rows.set_ids(["new", *app.ids])
        await pilot.pause()
        assert app.rows.selected == "new"


async def test_find_keeps_the_cursor_where_its_row_is_found_and_says_when_nothing_is() -> None:
    app = ListApp(50)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*["down"] * 22)
        app.rows.find("ROW-2")
        assert app.rows.selected == "row-22"
        assert list(app.rows.shown) == ["row-2", *(f"row-2{n}" for n in range(10))]
        app.rows.find("no such")
        await pilot.pause()
        assert "nothing here contains “no such”" in lines(app)[1]
        app.rows.find("")
        assert len(app.rows.shown) == 50


async def test_resizing_keeps_the_cursor_in_sight() -> None:
    app = ListApp(100)
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press(*["down"] * 38)
        await pilot.resize_terminal(60, 16)
        await pilot.pause()
        assert any("row-38" in line for line in lines(app))


async def test_a_scrollbar_covers_no_text() -> None:
    app = ListApp(100)
    async with app.run_test(size=(80, 24)) as pilot:
        app.rows.columns = (*COLUMNS[:2], Column("note", 40, right=True))
        app.rows.refresh()
        await pilot.pause()
        assert app.rows.show_vertical_scrollbar
        assert "note" in text_of(app).splitlines()[0]
        assert "[b]" in text_of(app).splitlines()[1]


async def test_no_control_byte_and_no_markup_of_a_cell_reaches_the_screen() -> None:
    app = ListApp(1)
    async with app.run_test(size=(80, 24)):
        assert "\x1b" not in lines(app)[1]
        assert "[b]" in lines(app)[1]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6),
       st.integers(1, 250))  # fmt: skip
def test_columns_fill_the_line_or_keep_to_their_least(shapes: Sequence[tuple[int, int, int]], width: int) -> None:
    columns = [Column(str(n), least, flex, priority) for n, (least, flex, priority) in enumerate(shapes)]
    found = widths(columns, width)
    shown = [w for w in found if w]
    assert all(w or c.priority for w, c in zip(found, columns, strict=True))
    total = sum(shown) + 2 * (len(shown) - 1)
    must = [c for c in columns if not c.priority]
    if total > width:  # only where not even what always stays has room
        assert sum(c.width for c in must) + 2 * (len(must) - 1) > width


@given(st.text(), st.integers(0, 40), st.booleans())
def test_a_fitted_text_has_exactly_its_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(plain(text), width, right=right)) == width


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "M"])), st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, width: int) -> None:
    found = wrapped(plain(text), width)
    assert all(cell_len(line) <= width for line in found)
    assert "".join(found).replace(" ", "") == plain(text).replace(" ", "")
