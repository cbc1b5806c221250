"""Strict JSON: what every reader agrees on is read, and all else is refused with its place."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.errors import EventTooLarge, InvalidEvent
from ledger.line.strict_json import parse_json
from ledger.plain_values import MAX_DEPTH, check_json
from tests.ledger.strategies import json_values

LIMIT = 1 << 21

# Accepted by every parser that follows RFC 8259: the name tells what is in it.
Y_CASES: list[tuple[str, bytes, Any]] = [
    ("array_empty", b"[]", []),
    ("array_nested", b"[[[]],[1]]", [[[]], [1]]),
    ("array_spaces", b" [1 ,\t2\r\n, 3 ] ", [1, 2, 3]),
    ("array_several_null", b"[1,null,null]", [1, None, None]),
    ("object_empty", b"{}", {}),
    ("object_empty_key", b'{"":0}', {"": 0}),
    ("object_key_escaped", b'{"a\\u0000b":1}', {"a\0b": 1}),
    ("object_newlines", b'{\n"a": "b"\n}', {"a": "b"}),
    ("object_same_value_twice", b'{"a":1,"b":1}', {"a": 1, "b": 1}),
    ("object_same_key_elsewhere", b'{"a":{"a":1},"b":{"a":1}}', {"a": {"a": 1}, "b": {"a": 1}}),
    ("literal_true", b"true", True),
    ("literal_false", b"false", False),
    ("literal_null", b"null", None),
    ("number_zero", b"0", 0),
    ("number_minus_zero", b"-0", 0),
    ("number_minus_zero_float", b"-0.0", -0.0),
    ("number_exponent", b"1e5", 1e5),
    ("number_exponent_capital_plus", b"1E+2", 100.0),
    ("number_exponent_minus", b"1.5e-2", 0.015),
    ("number_underflow", b"1e-400", 0.0),
    ("number_largest_float", b"1.7976931348623157e308", sys.float_info.max),
    ("number_largest_integer", b"9223372036854775807", 2**63 - 1),
    ("number_smallest_integer", b"-9223372036854775808", -(2**63)),
    ("number_long_fraction", b"0." + b"1" * 400, 1 / 9),
    ("string_empty", b'""', ""),
    ("string_two_byte", '"é"'.encode(), "é"),
    ("string_three_byte", '"€"'.encode(), "€"),
    ("string_four_byte", '"😀"'.encode(), "😀"),
    ("string_escapes", b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'),
    ("string_escaped_pair", b'"\\ud83d\\ude00"', "😀"),
    ("string_escaped_null", b'"\\u0000"', "\0"),
    ("string_escaped_noncharacter", b'"\\uffff"', "\uffff"),
    ("string_delete", b'"\x7f"', "\x7f"),
    ("string_line_separator", '"\u2028\u2029"'.encode(), "\u2028\u2029"),
    ("string_bom_inside", '"\ufeff"'.encode(), "\ufeff"),
    ("string_brackets", b'"[[[[{{{{\\"[["', '[[[[{{{{"[['),
    ("string_escaped_backslash_last", b'["\\\\"]', ["\\"]),
]

# Refused: the name tells why, the third is the field of the error and the fourth in its reason.
N_CASES: list[tuple[str, bytes, str, str]] = [
    ("nothing", b"", "column 1", "expecting value"),
    ("only_space", b" ", "column 2", "expecting value"),
    ("only_newlines", b"\n\n", "column 1", "expecting value"),
    ("two_values", b"1 2", "column 3", "extra data"),
    ("closing_left", b"[]]", "column 3", "extra data"),
    ("double_comma", b"[1,,2]", "column 4", "expecting value"),
    ("leading_comma", b"[,1]", "column 2", "expecting value"),
    ("missing_comma", b"[1 2]", "column 4", "expecting ',' delimiter"),
    ("missing_colon", b'{"a" 1}', "column 6", "expecting ':' delimiter"),
    ("missing_value", b'{"a":}', "column 6", "expecting value"),
    ("unclosed_array", b"[1", "column 3", "expecting ',' delimiter"),
    ("unclosed_object", b'{"a":1', "column 7", "expecting ',' delimiter"),
    ("mismatched", b"[1}", "column 3", "expecting ',' delimiter"),
    ("key_unquoted", b"{a:1}", "column 2", "expecting property name"),
    ("key_number", b"{1:1}", "column 2", "expecting property name"),
    ("key_single_quotes", b"{'a':1}", "column 2", "expecting property name"),
    ("comment", b"[1] // no", "column 5", "extra data"),
    ("literal_capital", b"True", "column 1", "expecting value"),
    ("literal_cut", b"nul", "column 1", "expecting value"),
    ("number_leading_zero", b"012", "column 2", "extra data"),
    ("number_minus_leading_zero", b"-01", "column 3", "extra data"),
    ("number_plus", b"+1", "column 1", "expecting value"),
    ("number_minus_only", b"-", "column 1", "expecting value"),
    ("number_dot_first", b".5", "column 1", "expecting value"),
    ("number_dot_last", b"[1.]", "column 3", "expecting ',' delimiter"),
    ("number_exponent_empty", b"[1e]", "column 3", "expecting ',' delimiter"),
    ("number_hexadecimal", b"0x1", "column 2", "extra data"),
    ("number_arabic_digit", "٣".encode(), "column 1", "expecting value"),
    ("number_full_width_digit", "[1\uff11]".encode(), "column 3", "expecting ',' delimiter"),
    ("number_underscore", b"1_000", "column 2", "extra data"),
    ("string_unclosed", b'"a', "column 1", "unterminated string"),
    ("string_unclosed_escape", b'"a\\', "column 1", "unterminated string"),
    ("string_newline", b'"a\nb"', "line 1, column 3", "invalid control character"),
    ("string_tab", b'"a\tb"', "column 3", "invalid control character"),
    ("string_null_byte", b'"\x00"', "column 2", "invalid control character"),
    ("string_unknown_escape", b'"\\x41"', "column 2", "invalid \\escape"),
    ("string_short_escape", b'"\\u12"', "column 3", "invalid \\uXXXX escape"),
    ("null_byte_after", b"[1]\x00", "column 4", "extra data"),
    ("form_feed", b"[\x0c1]", "column 2", "expecting value"),
    ("no_break_space", b"[\xc2\xa01]", "column 2", "expecting value"),
    ("second_line", b'{"a":\n1 2}', "line 2, column 3", "expecting ',' delimiter"),
    ("bom", b"\xef\xbb\xbf{}", "byte 1", "byte order mark"),
    ("utf16_little", "[1]".encode("utf-16-le"), "column 2", "expecting value"),
    ("utf16_bom", "[1]".encode("utf-16"), "byte 1", "not UTF-8"),
    ("latin1", b'"\xe9"', "byte 2", "not UTF-8"),
    ("overlong", b'"\xc0\xaf"', "byte 2", "not UTF-8"),
    ("utf8_surrogate", b'"\xed\xa0\x80"', "byte 2", "not UTF-8"),
    ("utf8_beyond_unicode", b'"\xf4\x90\x80\x80"', "byte 2", "not UTF-8"),
    ("utf8_cut", b'"\xe2\x82', "byte 2", "not UTF-8"),
    ("nan", b"NaN", "value", "NaN is not JSON"),
    ("nan_inside", b'{"a":{"b":[1,NaN]}}', "a.b[1]", "NaN is not JSON"),
    ("infinity", b"[Infinity]", "[0]", "Infinity is not JSON"),
    ("minus_infinity", b'{"a":-Infinity}', "a", "-Infinity is not JSON"),
    ("number_overflow", b'{"a":[0,1e400]}', "a[1]", "too large for a float"),
    ("number_minus_overflow", b"-1e400", "value", "too large for a float"),
    ("integer_above", b'{"n":9223372036854775808}', "n", "integer beyond 64 bits"),
    ("integer_below", b"[-9223372036854775809]", "[0]", "integer beyond 64 bits"),
    ("integer_of_5000_digits", b"1" * 5000, "value", "integer beyond 64 bits"),
    ("key_twice", b'{"a":1,"b":2,"a":1}', "a", "twice"),
    ("key_twice_escaped", b'{"x":[{"a":1,"\\u0061":2}]}', "x[0].a", "twice"),
    ("key_twice_empty", b'{"x":{"":1,"":2}}', "x.", "twice"),
    ("key_thrice_of_many", b'{"a":1,"b":2,"b":3,"a":4}', "b", "twice"),
    ("surrogate_high", b'{"a":"x\\ud800"}', "a", "lone surrogate at character 2"),
    ("surrogate_low", b'["\\udc00"]', "[0]", "lone surrogate at character 1"),
    ("surrogates_swapped", b'"\\ude00\\ud83d"', "value", "lone surrogate at character 1"),
    ("surrogate_in_key", b'{"\\ud800":1}', "\\ud800", "lone surrogate"),
    ("surrogate_in_refused_object", b'{"\\ud800":1,"\\ud800":1}', "\\ud800", "twice"),
]

HOSTILE = {
    "brackets": b"[" * (LIMIT // 2),
    "objects": b'{"a":' * (LIMIT // 5),
    "closers": b"[]" + b"]" * (LIMIT // 2),
    "escaped_quotes": b'"' + b'\\"' * (LIMIT // 2 - 1),
    "backslashes": b'"' + b"\\" * (LIMIT // 2),
    "brackets_in_open_string": b'["' + b"[" * (LIMIT // 2),
    "many_strings": b"[" + b'"[",' * (LIMIT // 5) + b"1",
    "many_arrays": b"[" + b"[]," * (LIMIT // 4) + b"1",
    "digits": b"1" * (LIMIT // 2),
    "fraction": b"1." + b"1" * (LIMIT // 2) + b"e",
    "same_key": b"{" + b'"a":1,' * (LIMIT // 8) + b'"a":1}',
    "long_key_twice": b'{"%b":1,"%b":1}' % (b"k" * (LIMIT // 3), b"k" * (LIMIT // 3)),
    "continuation_bytes": b"\x80" * (LIMIT // 2),
}


@pytest.mark.parametrize(
    ("data", "value"), [pytest.param(d, v, id=f"y_{n}") for n, d, v in Y_CASES]
)
def test_what_every_reader_agrees_on_is_read(data: bytes, value: Any) -> None:
    """The value is the one the text says, of the same types."""
    parsed = parse_json(data, limit=LIMIT)

    assert repr(parsed) == repr(value)


@pytest.mark.parametrize(
    ("data", "field", "reason"), [pytest.param(d, f, r, id=f"n_{n}") for n, d, f, r in N_CASES]
)
def test_what_readers_disagree_on_is_refused(data: bytes, field: str, reason: str) -> None:
    """The error names the place inside the value, or in the text where there is no value."""
    with pytest.raises(InvalidEvent) as caught:
        parse_json(data, limit=LIMIT)

    assert caught.value.field == field
    assert reason in caught.value.reason


@pytest.mark.parametrize("data", [b"[1,]", b'{"a":1,}'])
def test_a_trailing_comma_is_refused(data: bytes) -> None:
    """Versions of Python say it in other words, and count from another place."""
    with pytest.raises(InvalidEvent, match=r"column [3478]: not JSON"):
        parse_json(data, limit=LIMIT)


def test_the_first_of_several_faults_is_named() -> None:
    """People mend a text from its beginning."""
    with pytest.raises(InvalidEvent) as caught:
        parse_json(b'{"a":{"b":1e999},"c":NaN}', limit=LIMIT)

    assert caught.value.field == "a.b"


def test_a_text_over_the_limit_is_not_looked_at() -> None:
    """The error carries both sizes, whatever the text holds."""
    assert parse_json(b"[1]", limit=3) == [1]
    with pytest.raises(EventTooLarge) as caught:
        parse_json(b"\xff" * 4, limit=3)

    assert (caught.value.size, caught.value.limit) == (4, 3)


@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}"), (b'["[",{"{":', b"}]")])
def test_64_levels_are_read_and_65_refused(begin: bytes, end: bytes) -> None:
    """Levels count arrays and objects, and no brackets in strings."""
    levels = len(end)
    deepest = begin * (MAX_DEPTH // levels) + b"0" + end * (MAX_DEPTH // levels)

    assert parse_json(deepest, limit=LIMIT) is not None
    assert parse_json(b"[%b]" % deepest, limit=LIMIT, max_depth=MAX_DEPTH + 1) is not None
    with pytest.raises(InvalidEvent, match="nested deeper than 64 levels"):
        parse_json(b"[%b]" % deepest, limit=LIMIT)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in HOSTILE.items()])
def test_a_hostile_text_is_refused_like_any_other(data: bytes) -> None:
    """No text takes the parser long, or breaks it otherwise than by a short error of its own."""
    with pytest.raises(InvalidEvent) as caught:
        parse_json(data, limit=LIMIT)

    assert len(str(caught.value)) < 200
    str(caught.value).encode()


@given(json_values, st.booleans())
def test_what_may_enter_the_log_comes_through_unchanged(value: Any, ascii_only: bool) -> None:
    """The boundary refuses nothing that a payload may hold."""
    data = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert repr(parse_json(data, limit=LIMIT)) == repr(value)


_TOKENS = st.sampled_from(
    [*'"\\{}[]:,1-.eué \n\x00', "d800", "9" * 30, "NaN", "Infinity", "true", "null", '"a"', '"a":']
)


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.lists(_TOKENS, max_size=25).map(lambda t: "".join(t).encode()))
@example(b'{"a":"\\ud83d\\ude00"}')
def test_any_bytes_give_a_safe_value_or_the_one_error(data: bytes) -> None:
    """What is read is what other readers read, and may enter the log; nothing else escapes."""
    try:
        value = parse_json(data, limit=LIMIT)
    except InvalidEvent as error:
        str(error).encode()
        return

    check_json(value)
    assert repr(json.loads(data)) == repr(value)


_ODD = [data for _, data, _ in Y_CASES] + [b'{"a":1,"a":1}', b"18446744073709551615", b"1e999"]


@settings(deadline=None)
@given(json_values.map(msgspec.json.encode) | st.sampled_from(_ODD))
def test_the_short_way_reads_what_the_long_way_reads(data: bytes) -> None:
    """A blank before a text sends it the long way, and changes nothing else."""
    assert _read(data) == _read(b" " + data)


def _read(data: bytes) -> Any:
    try:
        return repr(parse_json(data, limit=LIMIT))
    except InvalidEvent:
        return InvalidEvent
