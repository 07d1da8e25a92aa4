"""Captured output as plain lines, and words in it."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from meshcore.knowledge.text import with_slot


@given(st.text("ab-_ é.", max_size=12), st.text("ab-.", max_size=3))
@example("a ab a", "")
def test_a_word_by_itself_gives_way_to_a_slot_as_a_pattern_would_have_it(text: str, word: str) -> None:
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    assert with_slot(text, word, "<w>") == (pattern.sub("<w>", text) if word else text)
