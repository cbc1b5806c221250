"""Text from events in Markdown: read by a Markdown parser, it is that text and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from automation.commands.printing.markdown_text import code_span, markdown_table
from automation.commands.printing.terminal_text import printable

MARKDOWN = MarkdownIt("commonmark").enable("table")

hostile = st.text(alphabet=st.sampled_from("`|\\ a<b>*[]()!@#&;\n\x1b\u202e"), max_size=12)


def cells(lines: list[str]) -> list[list[tuple[str, str]]]:
    """Read a document that is one table: of each cell the kinds and texts of what is in it."""
    tokens = MARKDOWN.parse("\n".join(lines))
    assert [token.type for token in tokens][:2] == ["table_open", "thead_open"]
    assert tokens[-1].type == "table_close"
    return [
        [(child.type, child.content) for child in token.children or ()]
        for token in tokens
        if token.type == "inline"
    ]


@example(texts=[" ", "  "])
@example(texts=["a\\|", "\\"])
@given(texts=st.lists(hostile | st.text(max_size=8), min_size=2, max_size=2))
def test_a_cell_shows_its_text_and_does_nothing(texts: list[str]) -> None:
    """Neither links, HTML and emphasis, nor the end of a cell, a span or a row."""
    lines = list(markdown_table(("one", "two"), [list(map(code_span, texts))]))

    found = cells(lines)[2:]

    assert len(lines) == 3
    assert found == [[("code_inline", printable(text))] if text else [] for text in texts]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("rows", "`rows`"),
        ("a `b` c", "``a `b` c``"),
        ("`a`", "`` `a` ``"),
        (" a", "`  a `"),
        ("a\x1b[2J\nb", r"`a\x1b[2J\nb`"),
        ("", ""),
    ],
)
def test_a_span_is_as_short_as_it_can_be(text: str, written: str) -> None:
    """Its fence is longer than what it holds, and what acts on a terminal is an escape."""
    assert code_span(text) == written
