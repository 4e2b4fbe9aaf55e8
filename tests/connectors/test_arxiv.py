"""The arXiv connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import CONNECTORS, Answer, Replay, counts


def search(since: str, start: int = 0) -> str:
    when = f"submittedDate:[{since} TO 209912312359]"
    order = "sortBy=submittedDate&sortOrder=ascending"
    return f"/query?search_query=(cat:cs.DB) AND {when}&{order}&max_results=1000&start={start}"


PAPERS = (
    Answer(search("199101010000"), "papers.1.xml"),
    Answer(search("199101010000", 2), "papers.2.xml"),
)


def arxiv(folder: Path) -> Replay:
    return Replay("arxiv", folder, query="cat:cs.DB")


def test_papers_are_entries_of_an_atom_feed(tmp_path: Path) -> None:
    api = arxiv(tmp_path)

    assert counts(api.run("papers", *PAPERS)) == (3, 0, 0, 0)
    assert api.rows(
        "SELECT id, version, title, summary, authors, category, categories, doi, pdf FROM arxiv.papers WHERE version = 2"
    ) == [
        {
            "id": "2401.00001",
            "version": 2,
            "title": "On the Delay of Falling",
            "summary": "It is longer than expected.",
            "authors": ["W. Coyote", "R. Runner"],
            "category": "physics.pop-ph",
            "categories": ["physics.pop-ph", "cs.DB"],
            "doi": "10.1000/anvil",
            "pdf": "http://arxiv.org/pdf/2401.00001v2",
        }
    ]
    assert api.column("SELECT id FROM arxiv.papers ORDER BY published_at") == [
        "2401.00001",
        "math/0211159",
        "2401.00003",
    ]


def test_later_runs_ask_for_what_came_since_and_keep_what_is_there(tmp_path: Path) -> None:
    api = arxiv(tmp_path)
    api.run("papers", *PAPERS)

    newer = (CONNECTORS / "arxiv" / "papers.2.xml").read_bytes().replace(b">3<", b">1<")
    report = api.run("papers", Answer(search("202401031000"), newer))

    assert (report.status, report.mode, counts(report)) == ("ok", "incremental", (0, 0, 0, 1))


def test_errors_come_as_an_entry(tmp_path: Path) -> None:
    refused = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/api/errors#incorrect_id</id>'
        b"<title>Error</title><summary>incorrect query</summary></entry></feed>"
    )
    answer = Answer(
        search("199101010000"), refused, status=400, headers={"Content-Type": "application/atom+xml"}
    )

    report = arxiv(tmp_path).run("papers", answer)

    assert report.status == "failed"
    assert report.message.endswith(": 400: incorrect query")
