"""The Tor connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import CONNECTORS, Answer, Replay, counts

EXITS = (CONNECTORS / "tor" / "exits.1.txt").read_bytes()
TEXT = {"Content-Type": "text/plain"}


def test_each_line_is_a_record_and_those_that_are_missing_are_gone(tmp_path: Path) -> None:
    api = Replay("tor", tmp_path)
    assert counts(api.run("exits", Answer("/torbulkexitlist", EXITS, headers=TEXT))) == (2, 0, 0, 0)

    fewer = b"198.51.100.9\n203.0.113.1\n"
    assert counts(api.run("exits", Answer("/torbulkexitlist", fewer, headers=TEXT))) == (1, 0, 1, 1)
    assert api.column("SELECT address FROM tor.exits ORDER BY 1") == ["198.51.100.9", "203.0.113.1"]


def test_r10_an_empty_list_deletes_nothing(tmp_path: Path) -> None:
    api = Replay("tor", tmp_path)
    api.run("exits", Answer("/torbulkexitlist", EXITS, headers=TEXT))

    report = api.run("exits", Answer("/torbulkexitlist", b"", headers=TEXT))

    assert (report.status, counts(report)) == ("incomplete", (0, 0, 0, 0))
