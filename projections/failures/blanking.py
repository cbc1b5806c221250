r"""Make blank in the text of an error what differs from one time to the next.

Blank, each as one ``#``: quoted values, numbers, sizes and spans with their units, times, UUIDs,
hex, other ids, addresses of memory, mail and networks, URLs, paths, ARNs, and the values in what
PostgreSQL says of a key: ``Key (email)=(Ann Lee)``. Values that follow each other are one, and so
is a container that holds nothing but values: ``[1, 'a']``. What is left is what a person would say
of the error.

Names in backticks stay, as they are parts of a program or a schema. So does a name with one ``/``
and no extension, like ``load/orders`` or ``I/O``: it is seldom a path.
"""

from __future__ import annotations

import re

__all__ = ["BLANK", "LONGEST", "blanked"]

BLANK = "#"
LONGEST = 300
"""Characters of what is left; what comes later says little of what kind an error is."""

_LONGEST_READ = 2_000
_MONTHS = (
    "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    "|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?"
)
_FILES = (
    "arrow|avro|bak|bin|bz2|cfg|conf|csv|db|feather|gz|html?|ini|ipynb|jpe?g|jsonl?|lock|log|md"
    "|ndjson|orc|out|parquet|pdf|pickle|pkl|png|py|sh|so|sql|sqlite3?|tar|tgz|tmp|toml|tsv|txt"
    "|whl|xlsx?|xml|ya?ml|zip|zst"
)

# Each begins where a word does, so that long texts are read once. The order decides: what comes
# first takes the characters that others would match, too.
_VALUE = re.compile(
    rf"""
      (?<!\w) b?'(?:[^'\\\n]|\\.)*'(?!\w)
    | (?<!\w) b?"(?:[^"\\\n]|\\.)*"(?!\w)
    | “[^“”\n]*” | \u2018[^\u2018\u2019\n]*\u2019 | «[^«»\n]*»
    | (?<=\)=) \([^\n]*?\) (?=\ (?:already|conflicts|is))
    | \barn:[a-z-]+:[^\s'"<>,]+
    | \b[A-Za-z][A-Za-z0-9+.-]{{0,20}}://[^\s'"<>]+
    | (?<![\w.+-]) [\w.+-]{{1,64}}@[\w.-]+
    | \d{{4}}-\d\d-\d\d (?:[T\ ]\d\d:\d\d (?::\d\d(?:[.,]\d+)?)? (?:\ ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?
    | (?<!\w) \d{{8}}T\d{{4,6}}Z?
    | (?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\ )? (?:\d{{1,2}}[\ /-])?
      \b(?:{_MONTHS})[\ /-]+\d{{1,4}}\b (?:[\ :,]+\d\d(?::\d\d)+)? (?:\ (?:GMT|UTC))?
    | (?<!\w) [0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}(?!\w)
    | (?<![\w:]) (?:[0-9a-fA-F]{{0,4}}:){{2,7}}[0-9a-fA-F]{{1,4}}(?![\w:])
    | \b0[xX][0-9a-fA-F]+
    | (?<![\w/<.~\\]) (?:[A-Za-z]:(?=[\\/]) | ~\w* | \.{{1,2}})? [\\/] [^\s'"<>|:;,(){{}}\[\]]+
    | (?<![\w/.@%+=~-]) [\w.@%+=~-]+ (?:/[\w.@%+=~-]+){{2,}} /?
    | (?<![\w/.@%+=~-]) [\w.@%+=~-]+ / [\w.@%+=~-]+ \.[A-Za-z]\w{{0,9}}\b
    | (?<![\w/.@%+=~-]) [\w@%+=~-][\w.@%+=~-]* \.(?:{_FILES})\b
    | (?<![0-9A-Za-z]) (?=[a-fA-F]*\d) [0-9a-fA-F]{{6,}} (?![0-9A-Za-z])
    | (?<![0-9A-Za-z]) (?: (?:[A-Za-z]+\d+){{2}} | (?:\d+[A-Za-z]+){{2}} ) [0-9A-Za-z]*
    | (?<![0-9A-Za-z]) (?=[A-Za-z]*\d) [0-9A-Za-z]{{20,}} (?![0-9A-Za-z])
    | (?<![0-9A-Za-z]) \d+ (?:\.\d*)? \ ?[kKMGTP]i?B\b
    | (?<![0-9A-Za-z]) \d+ (?:\.\d+)? (?:[mnuµ]?s|min|m|h)\b
    | (?:(?<![\w)])[-+])? \d+ (?:\.\d+)? (?:[eE][-+]?\d+\b)?
    """,
    re.VERBOSE,
)
# Pydantic shortens what it shows of a value, within quotes too, which then have no end.
_PYDANTIC_VALUE = re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL)
_QUOTE = re.compile(r"""(?<!\w)b?['"]""")
_LAST_WORD = re.compile(r"[\s,;:]*\S*\Z")
_CUT = re.compile(r"\n… \d+ characters cut …\n")

_ROW = re.compile(r"\#(?:[\s,.:;/+_-]*\#)+")
_CONTAINER = re.compile(r"\[\#[,\s]*\]|\{\#[,\s]*\}|\(\#[,\s]*\)")
_PLURAL = re.compile(r"(\# [a-z-]{2,}[^\Ws])s\b")
_DEEPEST = 8


def blanked(text: str) -> str:
    """Give a text with its values made blank, on one line, and no longer than ``LONGEST``."""
    cut = _CUT.search(text)
    begin = text[: min(cut.start() if cut else len(text), _LONGEST_READ)]
    blank = _VALUE.sub(BLANK, _PYDANTIC_VALUE.sub(f"input_value={BLANK}", begin))
    if len(begin) < len(text):
        blank = _without_the_broken(blank)
    blank = _PLURAL.sub(r"\1", _joined(blank))
    return " ".join(blank.split())[:LONGEST].rstrip()


def _without_the_broken(blank: str) -> str:
    """Take from a text that was cut what only looks as it does because of that."""
    opened = _QUOTE.search(blank)
    if opened:
        return blank[: opened.start()] + BLANK
    return _LAST_WORD.sub("", blank)


def _joined(blank: str) -> str:
    """Make values that follow each other one, and containers of them, from the inside out."""
    for _ in range(_DEEPEST):
        before, blank = blank, _CONTAINER.sub(BLANK, _ROW.sub(BLANK, blank))
        if blank == before:
            break
    return blank
