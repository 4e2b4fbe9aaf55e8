"""Regular expressions of connectors: RE2's dialect, linear in the length of what an API sends."""

from __future__ import annotations

import pytest

from syncrun.errors import ExpressionError
from syncrun.expressions.regexes import RegexError, compile_regex
from syncrun.expressions.syntax import parse


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\w+", "Zürich 1", "Zürich"),
        (r"\d+", "a٣4b", "٣4"),
        (r"[^\s@]+@[\w.-]+", "mail: a.b@example.com!", "a.b@example.com"),
        (r"[]\d]+", "a]1", "]1"),
        (r"[^]\d]+", "1]ab", "ab"),
        (r"\S+$", "a\u00a0b", "b"),
        (r"b\Z", "ab", "b"),
        (r"\u00e9+", "caféé", "éé"),
        (r"(?i)ABC", "xabc", "abc"),
        (r"\p{Lu}", "aÄ", "Ä"),
        (r"b", "\ud800b", "b"),
        (r"z", "ab", None),
    ],
)
def test_classes_know_all_languages(pattern: str, text: str, found: str | None) -> None:
    match = compile_regex(pattern).search(text)
    assert (match[0] if match else None) == found


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"a(?=b)", "'a(?=b)' has look-ahead, which could take forever and is not supported"),
        (r"(?<!a)b", "'(?<!a)b' has look-behind, which could take forever and is not supported"),
        (r"(a)\1", r"'(a)\\1' has a back-reference, which could take forever and is not supported"),
        (r"a++", "'a++' has a possessive quantifier, which could take forever and is not supported"),
        (r"[^\W_]", r"'[^\\W_]' has \W between [ and ], which is not supported"),
        (r"(a", "'(a' is no regular expression: a ( is never closed"),
        (r"(a{500}){500}", "'(a{500}){500}' is no regular expression: invalid repetition size: {500}"),
        ("\ud800", "'\\ud800' is no regular expression: it holds half a surrogate pair"),
    ],
)
def test_what_cannot_be_matched_quickly_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern)
    assert str(caught.value) == message


def test_a_call_with_such_a_pattern_is_refused_before_there_is_data() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("name || regex_extract(url, '/(?<=x)y')")
    assert (caught.value.offset, caught.value.hint[:28]) == (8, "write the pattern without it")


def test_nested_repetitions_take_no_longer_than_plain_ones() -> None:
    """Python's own engine would need 2^50000 steps here."""
    assert compile_regex(r"^(a+)+$").search("a" * 50_000 + "b") is None
