"""Tables of connector files and the whole text of every problem that is found in them."""

from __future__ import annotations

import pytest

from syncrun.config.load import check_connector, load_connector
from syncrun.config.problems import LATER_KEYS, caret
from syncrun.errors import ConfigurationError

HEAD = "connector: acme\nbase_url: https://api.acme.example\n"
SYNC = HEAD + "syncs:\n  things:\n    request: /things\n    key: id\n"
AUTH_KINDS = "one of: none, bearer, basic, api_key, oauth2, jwt, session, aws_sigv4, digest, hook"


def problems(text: str) -> list[str]:
    """Return the errors and warnings of a connector file, as they are printed."""
    return [str(problem) for problem in check_connector(text, file="acme.yaml")]


def test_a_valid_file_has_no_problems() -> None:
    assert problems(SYNC) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            [
                (
                    "acme.yaml: the file is empty\n"
                    "  hint: a connector starts with connector: NAME, base_url: URL and syncs:"
                )
            ],
        ),
        (
            "# only a comment\n",
            [
                (
                    "acme.yaml: the file is empty\n"
                    "  hint: a connector starts with connector: NAME, base_url: URL and syncs:"
                )
            ],
        ),
        (
            SYNC + "    fields: {id: id, price: {path: price, type: decimal(10,2)}}\n",
            [
                "acme.yaml:7:49: 'decimal(10' ends at the comma\n  hint: put the type in quotes, such as 'decimal(10,2)'",
                "acme.yaml:7:60: unknown key '2)' in 'syncs.things.fields.price'\n  hint: part of a type? put decimal(…) in quotes",
            ],
        ),
        (
            SYNC + "    decode: {type: csv, delimiter: ;;}\n",
            ["acme.yaml:7:36: expected one character, or tab, got text ';;'"],
        ),
        (
            "- 1\n",
            [
                (
                    "acme.yaml:1:1: expected a mapping, got a list\n"
                    "  hint: a connector starts with connector: NAME, base_url: URL and syncs:"
                )
            ],
        ),
        (
            "{}",
            [
                "acme.yaml:1:1: missing key 'connector'",
                "acme.yaml:1:1: missing key 'base_url'",
                "acme.yaml:1:1: missing key 'syncs'",
            ],
        ),
        (HEAD + "syncs: {}\n", ["acme.yaml:3:1: 'syncs' needs at least 1 entry"]),
        (HEAD + "syncs:\n  things:\n", ["acme.yaml:4:3: expected a mapping, got nothing"]),
        (HEAD + "syncs: [things]\n", ["acme.yaml:3:8: expected a mapping, got a list"]),
        (
            HEAD + "syncs:\n  things: {key: id}\n",
            ["acme.yaml:4:3: a sync needs a request, or a job\n  hint: such as request: /path"],
        ),
        (
            SYNC + "    pagenation: none\n",
            ["acme.yaml:7:5: unknown key 'pagenation' in 'syncs.things'\n  hint: did you mean 'pagination'?"],
        ),
        (
            SYNC + "    incremental: {cursor: a, xyz: 1}\n",
            [
                (
                    "acme.yaml:7:30: unknown key 'xyz' in 'syncs.things.incremental'\n"
                    "  hint: one of: cap, cursor, expired, filter, format, lookback, min_window, order, request, start,"
                    " tie_break, token, type, window"
                )
            ],
        ),
        (
            SYNC + "    pagination: curser\n",
            ["acme.yaml:7:17: unknown pagination type 'curser'\n  hint: did you mean 'cursor'?"],
        ),
        (
            SYNC + "    pagination:\n      max_pages: 3\n      type: curser\n",
            ["acme.yaml:9:13: unknown pagination type 'curser'\n  hint: did you mean 'cursor'?"],
        ),
        (
            SYNC + "    pagination: {max_pages: 3}\n",
            [
                (
                    "acme.yaml:7:5: missing key 'type' in 'syncs.things.pagination'\n"
                    "  hint: one of: none, page, offset, cursor, link_header, next_url, last_record, hook"
                )
            ],
        ),
        (
            SYNC + "    pagination: [page]\n",
            [
                (
                    "acme.yaml:7:17: expected a mapping, got a list\n"
                    "  hint: write pagination: {type: …} with one of: none, page, offset, cursor,"
                    " link_header, next_url, last_record, hook"
                )
            ],
        ),
        (
            SYNC + "    pagination: {type: page, max_pages: 0, size: 1.5, start: '1'}\n",
            [
                "acme.yaml:7:41: expected at least 1, got the number 0",
                "acme.yaml:7:50: expected a whole number, got the number 1.5",
                "acme.yaml:7:62: expected a whole number, got text '1'\n  hint: write it without quotes",
            ],
        ),
        (
            SYNC + "    pagination: {type: page, max_pages: abc}\n",
            ["acme.yaml:7:41: expected a whole number, got text 'abc'"],
        ),
        (
            HEAD + "syncs: {things: {request: {path: /, method: GETS}, key: id}}\n",
            ["acme.yaml:3:45: unknown method 'GETS'\n  hint: did you mean 'GET'?"],
        ),
        (
            HEAD
            + (
                "syncs: {things: {request: [1], key: 7, deletes: sometimes, raw: yes, every: 15, decode:"
                " {}}}\n"
            ),
            [
                "acme.yaml:3:27: expected text or a mapping, got a list",
                "acme.yaml:3:37: expected text or a list, got the number 7\n  hint: put it in quotes",
                "acme.yaml:3:49: unknown deletes 'sometimes'\n  hint: one of: none, snapshot",
                "acme.yaml:3:65: expected true or false, got text 'yes'\n  hint: write true",
                "acme.yaml:3:77: 15 is no interval\n  hint: write such as 15m",
                (
                    "acme.yaml:3:81: missing key 'type' in 'syncs.things.decode'\n"
                    "  hint: one of: json, jsonl, csv, xml, text"
                ),
            ],
        ),
        (
            SYNC + "    deletes: {snapshot: yes, max_ratio: 2}\n",
            [
                "acme.yaml:7:25: expected true or a mapping, got text 'yes'",
                "acme.yaml:7:41: expected at most 1, got the number 2",
            ],
        ),
        (
            SYNC + "    every: 15 moments\n    max_quarantined: some\n",
            [
                (
                    "acme.yaml:7:12: '15 moments' is no interval\n"
                    "  hint: write such as 15m, 1h, 7d or every hour"
                ),
                "acme.yaml:8:22: expected a number, got text 'some'",
            ],
        ),
        (
            SYNC + "    incremental: {lookback: 1h}\n",
            [
                (
                    "acme.yaml:7:5: incremental needs either cursor (a field) or token (JMESPath "
                    "on the last page)"
                ),
            ],
        ),
        (
            HEAD + "syncs:\n  things:\n    request: {path: /, url: https://x.example}\n    key: id\n",
            ["acme.yaml:5:5: give path or url, not both"],
        ),
        (
            (
                "connector: Acme\nbase_url: https://x.example\nversion: 1.0\n"
                "syncs: {Things: {request: /, key: id}}\n"
            ),
            [
                (
                    "acme.yaml:1:12: 'Acme' is no valid name\n"
                    "  hint: lower-case letters, digits and _, starting with a letter"
                ),
                "acme.yaml:3:10: expected text, got the number 1.0\n  hint: put it in quotes",
                (
                    "acme.yaml:4:9: 'Things' is no valid name\n"
                    "  hint: lower-case letters, digits and _, starting with a letter"
                ),
            ],
        ),
        (
            "connector: main\nbase_url: https://x.example\nsyncs: {a__records: {request: /, key: id}}\n",
            [
                (
                    "acme.yaml:1:12: the name 'main' is reserved: a schema of that name belongs to "
                    "the database or to syncrun"
                ),
                (
                    "acme.yaml:3:9: the name 'a__records' is reserved: names cannot end with "
                    "__records or __history"
                ),
            ],
        ),
        (
            SYNC + "    fields: {id: id, _Hash: hash, b: {typ: string}, c: {path: c, type: strng}, d: 5}\n",
            [
                "acme.yaml:7:22: the field name '_Hash' is reserved for a column that syncrun adds",
                "acme.yaml:7:35: missing key 'path' in 'syncs.things.fields.b'",
                "acme.yaml:7:39: unknown key 'typ' in 'syncs.things.fields.b'\n  hint: did you mean 'type'?",
                (
                    "acme.yaml:7:72: unknown type 'strng'\n  hint: one of string, integer, "
                    "number, decimal, boolean,"
                    " timestamp, date, time, json, or a list such as string[]"
                ),
                "acme.yaml:7:83: expected text or a mapping, got the number 5\n  hint: put it in quotes",
            ],
        ),
        (
            SYNC + "    fields: {id: {path: id, pattern: '(', timezone: Mars/Olympus, mask: hide}}\n",
            [
                ("acme.yaml:7:38: '(' is no regular expression: a ( is never closed"),
                (
                    "acme.yaml:7:53: unknown time zone 'Mars/Olympus'\n"
                    "  hint: write a name such as UTC or Europe/Berlin"
                ),
                "acme.yaml:7:73: unknown mask 'hide'\n  hint: one of: redact, sha256",
            ],
        ),
        (
            SYNC + "    fields: {}\n",
            ["acme.yaml:7:5: 'fields' needs at least 1 entry"],
        ),
        (
            SYNC + "config: {token: {secrt: true, type: strng}, 'a b': {}}\n",
            [
                "acme.yaml:7:18: unknown key 'secrt' in 'config.token'\n  hint: did you mean 'secret'?",
                "acme.yaml:7:37: unknown type 'strng'\n  hint: did you mean 'string'?",
                (
                    "acme.yaml:7:45: 'a b' is no valid name\n"
                    "  hint: lower-case letters, digits and _, starting with a letter"
                ),
            ],
        ),
        (
            SYNC + "auth: {token: x}\n",
            [f"acme.yaml:7:1: missing key 'type' in 'auth'\n  hint: {AUTH_KINDS}"],
        ),
        (
            SYNC + "auth: {type: api_key, in: body, name: X, key: k}\n",
            ["acme.yaml:7:27: unknown in 'body'\n  hint: one of: cookie, header, query"],
        ),
    ],
)
def test_every_problem_has_its_place_and_a_hint(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SYNC + "    records: items[?a ==\n",
            ["acme.yaml:7:25: the expression ends too early\n    items[?a ==\n               ^"],
        ),
        (
            SYNC + "    where: 'a == ''b'' &&'\n",
            ["acme.yaml:7:26: the expression ends too early\n    a == 'b' &&\n               ^"],
        ),
        (
            SYNC + "    fields: {id: id, total: 'sum(a'}\n",
            ["acme.yaml:7:35: the expression ends too early\n    sum(a\n         ^"],
        ),
        (
            SYNC + "    fields: {id: id, owner: '$${x}'}\n",
            [
                (
                    "acme.yaml:7:30: unexpected '$'\n    $${x}\n    ^\n"
                    "  hint: JMESPath starts at the current value; leave out the $"
                )
            ],
        ),
        (
            SYNC + "    fields: {id: id, owner: '${config.}'}\n",
            ["acme.yaml:7:39: the expression ends too early\n    ${config.}\n             ^"],
        ),
        (
            HEAD + "syncs: {things: {request: {path: /, json: {a: ['${b[}', '${c'], d: 'ok'}}, key: id}}\n",
            [
                "acme.yaml:3:53: the expression ends too early\n    ${b[}\n        ^",
                "acme.yaml:3:58: a ${ is never closed\n    ${c\n    ^\n  hint: a literal ${ is written $${",
            ],
        ),
    ],
)
def test_a_syntax_error_has_a_caret_under_its_character(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_the_caret_stands_in_a_window_of_a_long_expression() -> None:
    text = "a" * 500
    assert caret(text, 250) == f"    …{'a' * 120}…\n    {' ' * 61}^"


def test_the_caret_stands_under_its_line_of_several() -> None:
    assert caret("one\ntwo\nthree", 5) == "    two\n     ^"


@pytest.mark.parametrize("key", sorted(LATER_KEYS["Connector"]))
def test_keys_of_later_versions_are_refused_honestly(key: str) -> None:
    expected = f"acme.yaml:7:1: '{key}' is not available yet in this version of syncrun"
    assert problems(SYNC + f"{key}: x\n") == [expected]


def test_a_wrong_default_is_told_once_at_its_place_in_defaults() -> None:
    text = (
        "connector: acme\nbase_url: https://x.example\n"
        "defaults:\n  every: 5 weeks\n  pagination: {type: page, sise: 5}\n"
        "syncs:\n  a: {request: /a, key: id}\n  b: {request: /b, key: id}\n"
    )
    assert problems(text) == [
        "acme.yaml:4:10: '5 weeks' is out of range: from every 15s to every 30d",
        "acme.yaml:5:28: unknown key 'sise' in 'defaults.pagination'\n  hint: did you mean 'size'?",
    ]


def test_problems_between_parts_are_told_together_with_those_of_keys() -> None:
    text = (
        SYNC
        + "    every: never\n    fields: {a: b}\nheaders: {X-Owner: '${config.ownr}'}\nconfig: {owner: {}}\n"
    )
    assert problems(text) == [
        "acme.yaml:6:10: unknown field 'id' in key\n  hint: one of: a",
        "acme.yaml:7:12: 'never' is no interval\n  hint: write such as 15m, 1h, 7d or every hour",
        "acme.yaml:9:30: unknown config value 'ownr'\n  hint: did you mean 'owner'?",
    ]


def test_what_refers_to_an_invalid_part_is_no_further_problem() -> None:
    text = (
        SYNC + "    fields: {id: 5, b: b}\n    incremental: {cursor: b, window: 5}\n"
        "headers: {X: '${config.owner}'}\nconfig: {owner: {typ: string}}\n"
    )
    assert problems(text) == [
        "acme.yaml:7:18: expected text or a mapping, got the number 5\n  hint: put it in quotes",
        "acme.yaml:8:38: 5 is no duration\n  hint: write a number and ms, s, m, h, d or w, such as 5s",
        "acme.yaml:10:18: unknown key 'typ' in 'config.owner'\n  hint: did you mean 'type'?",
    ]


def test_r23_a_wrong_value_of_a_secret_is_not_shown() -> None:
    text = SYNC + "auth: {type: bearer, token: 12345678}\n"
    assert problems(text) == ["acme.yaml:7:29: expected text, got a number\n  hint: put it in quotes"]


def test_loading_raises_every_problem_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_connector(SYNC + "bogus: 1\nbogus: 2\n", file="acme.yaml")
    assert [problem.line for problem in caught.value.problems] == [7, 8]
