"""HTTP itself can say that an answer is only a part: status 206, and Content-Range."""

from pathlib import Path

import httpx
import pytest

from tests.lab import Lab, items

LIST = """
    syncs:
      items:
        request: /items
        PAGINATION
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
NAMES = [f"item {number}" for number in range(30)]


def lab(folder: Path, pagination: str = "pagination: none") -> Lab:
    """Return a lab that has read all."""
    lab = Lab(folder, LIST.replace("PAGINATION", pagination), lambda _request: items(*NAMES))
    assert lab.run().changes.added == len(NAMES)
    return lab


@pytest.mark.parametrize("pagination", ["pagination: none", ""])
@pytest.mark.parametrize(
    ("status", "headers", "sign"),
    [
        (206, {}, "has status 206, partial content"),
        (206, {"Content-Range": "0-18/*"}, "has status 206, partial content"),
        (206, {"Content-Range": "items 0-18/30"}, "says Content-Range: items 0-18/30"),
        (200, {"Content-Range": "0-18/30"}, "says Content-Range: 0-18/30"),
    ],
)
def test_r07_an_answer_that_is_a_part_by_its_status_or_range_deletes_nothing(
    tmp_path: Path, pagination: str, status: int, headers: dict[str, str], sign: str
) -> None:
    bench = lab(tmp_path, pagination)
    bench.api = lambda _request: httpx.Response(status, json=items(*NAMES[:19]), headers=headers)
    report = bench.run()
    assert (report.status, report.message) == (
        "incomplete",
        f"the answer of page 1 {sign}: it is only a part",
    )
    assert len(bench.live()) == len(NAMES)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"Content-Range": "0-28/29"}),
        (206, {"Content-Range": "items 0-28/29"}),
        (200, {"Content-Range": "0-28/*"}),
        (200, {"Content-Range": "nonsense"}),
        (200, {"Content-Range": "0-" + "9" * 400 + "/" + "9" * 401}),
    ],
)
def test_a_range_that_ends_where_the_list_does_is_all_of_it(
    tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    bench = lab(tmp_path)
    bench.api = lambda _request: httpx.Response(status, json=items(*NAMES[:29]), headers=headers)
    assert (bench.run().status, len(bench.live())) == ("ok", 29)


def test_pages_that_are_parts_are_a_whole_once_the_last_one_ends_it(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    bench.write(LIST.replace("PAGINATION", "pagination: {type: offset, size: 10, size_param: limit}"))

    def ranges(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("offset", 0))
        part = items(*NAMES)[start : start + 10]
        end = start + len(part) - 1
        given = f"{start}-{end}/30" if part else "*/30"
        return httpx.Response(206 if part else 200, json=part, headers={"Content-Range": given})

    bench.api = ranges
    assert bench.run().status == "ok"


def test_cut_off_takes_its_place(tmp_path: Path) -> None:
    bench = lab(tmp_path)
    bench.write(LIST.replace("PAGINATION", 'pagination: none\n        cut_off: "`false`"'))
    bench.api = lambda _request: httpx.Response(206, json=items(*NAMES[:29]))
    assert bench.run().status == "ok"
