"""What must be said for a missing record to mean something."""

from __future__ import annotations

import pytest

from syncrun.config.load import check_connector

WINDOWS = """\
request: {path: /things, params: {f: '${window.start}', t: '${window.end}'}}
    incremental: {cursor: at, window: 7d, start: "START"}
    deletes: {snapshot: {every: 7d}}"""
HEAD = """\
connector: acme
base_url: https://api.acme.example
syncs:
  things:
    key: id
    fields: {id: id, at: at}
"""
MOVING = "this depends on the time of the run: records that become too old for the list would be deleted"


def errors(lines: str) -> list[str]:
    return [f"{p.line}:{p.column}: {p.message}" for p in check_connector(HEAD + lines, file="acme.yaml")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("request: '/things?since=${now}'", ["7:14: " + MOVING]),
        ("request: {path: /things, params: {since: \"${add_time(now(), '-60d')}\"}}", [MOVING]),
        ('request: {path: /things, json: {since: "${epoch(now())}"}}', [MOVING]),
        ("request: {path: /things, headers: {X-Time: '${now}'}}", []),
        ("request: {path: /things, params: {since: '${now}'}}\n    deletes: none", []),
        ("request: {path: /things, params: {since: '${now}'}}\n    deletes: {within: 'at > now'}", []),
        ("request: {path: /things, params: {since: '${now}'}}\n    deletes: {max_ratio: 0.1}", [MOVING]),
        (WINDOWS.replace("START", "${add_time(now(), '-60d')}"), [MOVING]),
        (WINDOWS.replace("START", "2024-01-01"), []),
        ("request: /things\n    deletes: {within: 'bt > now'}", ["unknown field 'bt' in deletes.within"]),
        ("request: /things\n    deletes: {confirm: '/things/${record.id}'}", []),
        (
            "request: /things\n    deletes: {confirm: '/things/${cursor}'}",
            ["'cursor' has no value here"],
        ),
    ],
)
def test_r32_a_snapshot_of_a_list_that_moves_says_what_it_covers(lines: str, expected: list[str]) -> None:
    found = errors(f"    {lines}\n")
    assert len(found) == len(expected)
    assert all(message in one for one, message in zip(found, expected, strict=True)), found
