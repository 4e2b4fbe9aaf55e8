from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError


def read(text: str) -> YamlFile:
    return YamlFile.parse(text, "a.yaml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("off", "off"),
        ("~", None),
        ("", None),
        ("null", None),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("1.0.0", "1.0.0"),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("!!str 7", "7"),
        ("! 7", "7"),
        ("${config.token}", "${config.token}"),
        ("labels[].name", "labels[].name"),
    ],
)
def test_a_plain_value_is_what_json_would_make_of_it(written: str, value: object) -> None:
    found = read(f"a: {written}\n").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_written() -> None:
    assert read("404: a\ntrue: b\non: c\n1.0: d\n").value == {"404": "a", "true": "b", "on": "c", "1.0": "d"}


def test_every_value_and_key_has_its_place() -> None:
    file = read("a:\n  - x\n  - {b: 1, c: 'two'}\n")
    assert file.place(("a", 0)) == (2, 5)
    assert file.place(("a", 1, "c")) == (3, 15)
    assert file.place(("a", 1, "c"), key=True) == (3, 12)
    assert file.place(("a", 1, "missing")) == (3, 5)
    assert file.place(()) == (1, 1)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_do_not_depend_on_line_ends(newline: str) -> None:
    file = read(newline.join(["a: 1", "b:", "  c: 'x y'", ""]))
    assert file.value == {"a": 1, "b": {"c": "x y"}}
    assert file.character(("b", "c"), 2) == (3, 9)


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("a: plain", 3, (1, 7)),
        ("a: 'it''s x'", 5, (1, 11)),
        (r'a: "\u00e9\n x"', 2, (1, 13)),
        (r'a: "\x41b"', 1, (1, 9)),
        ("a: short", 99, (1, 9)),
        ("a: |\n  one\n  two\n", 5, (1, 4)),
        ("a: two\n  lines", 5, (1, 4)),
    ],
)
def test_a_character_is_placed_in_single_line_text(text: str, offset: int, place: tuple[int, int]) -> None:
    assert read(text).character(("a",), offset) == place


def test_anchors_aliases_and_merges_work() -> None:
    file = read("base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo:\n  <<: [*b, {z: 4}]\nthree: *b\n")
    assert file.problems == ()
    assert file.value["one"] == {"x": 1, "y": 3}
    assert file.value["two"] == {"x": 1, "y": 2, "z": 4}
    assert file.value["three"] == {"x": 1, "y": 2}
    assert file.place(("one", "x"), key=True) == (1, 11)


def test_duplicate_keys_are_all_told_and_the_first_counts() -> None:
    file = read("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert [str(problem) for problem in file.problems] == [
        "a.yaml:2:11: duplicate key 'c'\n  hint: the first is on line 2",
        "a.yaml:3:1: duplicate key 'a'\n  hint: the first is on line 1",
    ]
    assert file.value == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1\n", "a.yaml:2:1: a tab cannot indent YAML\n  hint: use spaces"),
        ("a: @x\n", "a.yaml:1:4: text cannot start with '@' here\n  hint: put it in quotes"),
        ("a: 'x\nb: 2\n", "a.yaml:3:1: the quote opened on line 1 is never closed"),
        (
            "a: b: c\n",
            (
                "a.yaml:1:5: not valid YAML: mapping values are not allowed in this context\n"
                "  hint: put text that contains ': ' in quotes, and check the indentation"
            ),
        ),
        (
            "auth: {type: bearer, token: ${config.token}}\n",
            (
                "a.yaml:1:30: not valid YAML: did not find expected ',' or '}'\n"
                '  hint: inside { } and [ ], put ${…} in quotes: "${…}"'
            ),
        ),
        (
            "key: *x\n",
            "a.yaml:1:6: this alias has no anchor before it\n  hint: text that starts with * must be in quotes",
        ),
        ("a: &x {b: *x}\n", "a.yaml:1:11: this alias is inside the value that it repeats"),
        (
            "[a]: 1\n",
            "a.yaml:1:1: a key must be text\n  hint: text that starts with { or [ must be in quotes",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "a.yaml:2:1: a second document starts here\n  hint: keep one document a file: remove '---'",
        ),
        ("a: b\0c\n", "a.yaml:1:5: character U+0000 is not allowed in YAML\n  hint: remove it"),
        ("a: 1\nb: \ud800\n", "a.yaml:2:4: character U+D800 is not allowed in YAML\n  hint: remove it"),
    ],
)
def test_r26_broken_yaml_gives_one_message_with_its_place(text: str, message: str) -> None:
    if not hasattr(yaml, "CSafeLoader"):
        pytest.skip("the wording is that of libyaml")
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "where: !pull_request\n",
            "a.yaml:1:8: a tag means nothing here\n  hint: put the value in quotes",
        ),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "a.yaml:1:4: a tag means nothing here\n  hint: remove it",
        ),
        ("a: {<<: 1}\n", "a.yaml:1:9: '<<' takes a mapping, or a list of mappings"),
    ],
)
def test_r26_what_yaml_allows_and_this_language_does_not_is_told(text: str, message: str) -> None:
    assert [str(problem) for problem in read(text).problems] == [message]


def test_r26_an_alias_bomb_is_refused() -> None:
    levels = "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert refusal("a: &a [x, x, x, x, x, x, x, x, x]\n" + levels) == (
        "a.yaml:6:8: aliases make this file grow by more than 100,000 values"
    )


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_r26_deep_nesting_is_refused(opening: str) -> None:
    assert refusal(opening * 100_000).endswith(": nested more than 100 levels deep")


def test_r26_thousands_of_problems_stop_at_a_hundred() -> None:
    assert refusal("a: 1\n" * 100_000).count("duplicate key") == 100


def test_a_megabyte_is_read() -> None:
    text = "".join(f"k{i}: {{a: 1, b: [x, y], c: '{'z' * 200}'}}\n" for i in range(5000))
    assert len(text) > 1_000_000
    assert len(read(text).value) == 5000


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    file = YamlFile.read(path)
    assert file.value == {"a": 1}
    assert file.place(("a",)) == (1, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: é\n".encode("latin-1"), ":1:4: not UTF-8 text\n  hint: save the file with the encoding UTF-8"),
        ("a: 1\n".encode("utf-16"), ":1:1: not UTF-8 text\n  hint: save the file with the encoding UTF-8"),
        (b"a: 1\n# " + b"x" * 5_000_000, ": larger than 4 MB"),
    ],
)
def test_r26_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        YamlFile.read(path, "a.yaml")
    assert str(caught.value) == f"a.yaml{message}"


def test_r26_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        YamlFile.read(tmp_path / "none.yaml", "none.yaml")
    assert str(caught.value) == "none.yaml: cannot be read: No such file or directory"


@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"%@`#,?~<$ \n\t\r\u2028é\0")), max_size=60))
def test_r26_any_text_is_read_or_refused_with_a_message(text: str) -> None:
    told = messages(text)
    assert told is None or (told and all(told))


def messages(text: str) -> list[str] | None:
    try:
        read(text)
    except ConfigurationError as error:
        return [problem.message for problem in error.problems]
    return None
