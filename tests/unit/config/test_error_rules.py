"""`errors`, `retry`, `rate_limit` and `decode` in connector files: what is taken, and what is told."""

from __future__ import annotations

import pytest

from syncrun.config.error_rules import ErrorRule
from syncrun.config.limits import RetrySpec
from syncrun.config.load import check_connector, load_connector

HEAD = "connector: acme\nbase_url: https://api.acme.com\n"
SYNC = "syncs: {things: {request: /things, key: id, pagination: none}}\n"


def problems(text: str) -> list[str]:
    return [str(problem) for problem in check_connector(text, file="acme.yaml")]


@pytest.mark.parametrize(
    ("status", "covered", "others"),
    [
        (404, [404], [403, 200]),
        ("5xx", [500, 599], [499, 600]),
        ([404, "5xx", 409], [404, 409, 503], [400]),
        (None, [200, 404, 599], []),
    ],
)
def test_a_rule_is_about_statuses_and_classes_of_them(
    status: object, covered: list[int], others: list[int]
) -> None:
    rule = ErrorRule.model_validate({"status": status, "when": "body", "then": "fail"})
    assert all(map(rule.covers, covered))
    assert not any(map(rule.covers, others))


def test_what_a_sync_says_about_retries_is_put_over_the_connector_key_by_key() -> None:
    base = RetrySpec(attempts=3, max_wait="1m", wait_header="X-A")
    own = RetrySpec(max_wait="2m", wait_header=["X-B", "X-C"])
    merged = own.over(base)
    assert (merged.attempts, merged.base, merged.max_wait) == (3, "1s", "2m")
    assert merged.wait_headers == ("x-b", "x-c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "errors: [{then: fail}]\n",
            ["acme.yaml:3:10: a rule needs status or when, or it would match every answer"],
        ),
        (
            "errors: [{status: 44, then: ignore}]\n",
            [
                "acme.yaml:3:19: expected at least 100, got the number 44",
                (
                    "acme.yaml:3:29: unknown then 'ignore'\n"
                    "  hint: one of: empty, fail, refresh_auth, reset, retry, skip, warn"
                ),
            ],
        ),
        (
            "errors: [{status: [404, 9xx], then: skip}]\n",
            [
                (
                    "acme.yaml:3:25: '9xx' is no class of statuses\n"
                    "  hint: write 4xx or 5xx, or a number such as 404"
                )
            ],
        ),
        (
            "errors: [{when: bdy.ok, then: fail, message: '${body.error} ${config.x}'}]\n",
            [
                (
                    "acme.yaml:3:17: unknown name 'bdy'\n"
                    "  hint: when sees body, headers, status: such as body.bdy"
                ),
                "acme.yaml:3:63: 'config' has no value here\n  hint: one of: body, headers, status",
            ],
        ),
        (
            "rate_limit: {per: 1m}\n",
            [
                (
                    "acme.yaml:3:1: rate_limit limits nothing\n"
                    "  hint: give requests, concurrency or remaining_header"
                )
            ],
        ),
        (
            "rate_limit: {requests: 0, reset_header: 'X Y'}\n",
            [
                "acme.yaml:3:24: expected at least 1, got the number 0",
                "acme.yaml:3:41: expected a name of letters, digits, '-', '_' and the like, without spaces, got text 'X Y'",
            ],
        ),
        (
            "rate_limit: {requests: 5, remaining_header: X-Left}\n",
            ["acme.yaml:3:1: remaining_header and reset_header go together"],
        ),
        (
            "retry: {attempts: 0, base: soon, wait_body: 'a.['}\n",
            [
                "acme.yaml:3:19: expected at least 1, got the number 0",
                (
                    "acme.yaml:3:28: 'soon' is no duration\n"
                    "  hint: write a number and ms, s, m, h, d or w, such as 15m"
                ),
            ],
        ),
    ],
)
def test_every_problem_has_its_place(text: str, expected: list[str]) -> None:
    found = problems(HEAD + text + SYNC)
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("decode", "expected"),
    [
        ("yaml", ["acme.yaml:3:48: unknown decode type 'yaml'\n  hint: one of: csv, json, jsonl, text, xml"]),
        (
            "{type: csv, header: yes, delimeter: ';'}",
            [
                "acme.yaml:3:68: expected true or false, got text 'yes'\n  hint: write true",
                (
                    "acme.yaml:3:73: unknown key 'delimeter' in 'syncs.things.decode'\n"
                    "  hint: did you mean 'delimiter'?"
                ),
            ],
        ),
        (
            "{type: xml, namespaces: both}",
            ["acme.yaml:3:72: unknown namespaces 'both'\n  hint: one of: keep, strip"],
        ),
        (
            "{type: text, encoding: klingon}",
            [
                (
                    "acme.yaml:3:71: 'klingon' is no known encoding\n"
                    "  hint: write utf-8, iso-8859-1, windows-1252 or the like"
                )
            ],
        ),
    ],
)
def test_a_decoder_that_makes_no_sense_is_one_problem(decode: str, expected: list[str]) -> None:
    sync = f"syncs: {{things: {{request: /x, key: id, decode: {decode}}}}}\n"
    assert problems(HEAD + sync) == expected


def test_a_decoder_is_a_name_or_a_mapping_and_defaults_merge() -> None:
    text = (
        "defaults: {decode: {type: csv, delimiter: ';'}, errors: [{status: 404, then: skip}]}\n"
        "syncs:\n"
        "  a: {request: /a, key: id}\n"
        "  b: {request: /b, key: id, decode: {header: [id]}}\n"
        "  c: {request: /c, key: id, decode: xml, errors: []}\n"
    )
    syncs = load_connector(HEAD + text).syncs
    assert syncs["a"].decode.model_dump(exclude_defaults=True) == {"type": "csv", "delimiter": ";"}
    assert syncs["b"].decode.model_dump(exclude_defaults=True) == {
        "type": "csv",
        "delimiter": ";",
        "header": ["id"],
    }
    assert syncs["c"].decode.type == "xml"
    assert (len(syncs["a"].errors), len(syncs["c"].errors)) == (1, 0)
