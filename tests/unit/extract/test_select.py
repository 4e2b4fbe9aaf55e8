"""Where the records of an answer are."""

from __future__ import annotations

from typing import Any

import pytest

from syncrun.errors import ResponseError
from syncrun.extract.select import Selector


@pytest.mark.parametrize(
    ("body", "records"),
    [
        ([{"id": 1}], [{"id": 1}]),
        ([], []),
        ({"items": [{"id": 1}], "total": 1}, [{"id": 1}]),
        ({"items": [{"id": 1}], "errors": []}, [{"id": 1}]),
        ({"items": [1, None, "x"]}, [1, None, "x"]),
        ({}, []),
        (None, []),
        ({"data": None, "total": 0}, []),
    ],
)
def test_r21_without_an_expression_it_is_the_body_or_its_only_list(body: Any, records: list[Any]) -> None:
    assert Selector().select(body) == records


@pytest.mark.parametrize(
    ("expression", "body", "records"),
    [
        ("data", {"data": [{"id": 1}]}, [{"id": 1}]),
        ("data", {"data": {"id": 1}}, [{"id": 1}]),
        ("data", {"data": None}, []),
        ("data", {}, []),
        ("data", None, []),
        ("@", {"id": 1}, [{"id": 1}]),
        ("users[].posts[]", {"users": [{"posts": [1]}, {"posts": [2]}]}, [1, 2]),
    ],
)
def test_r21_an_expression_gives_a_list_an_object_or_nothing(
    expression: str, body: Any, records: list[Any]
) -> None:
    assert Selector(expression).select(body) == records


@pytest.mark.parametrize(
    ("expression", "body", "message"),
    [
        (
            "count",
            {"count": 7},
            (
                "records (count) gives the number 7, neither a list nor an object\n"
                "  hint: records is JMESPath from the body to a list of records, or to one record"
            ),
        ),
        (
            None,
            {"a": [1, 2], "b": [], "c": {"d d": [1]}},
            (
                'the answer has several lists that could be the records: a (2), b (0), c."d d" (1)\n'
                "  hint: set records: to one of them, such as a"
            ),
        ),
        (
            None,
            {"_embedded": {"orders": [1, 2, 3]}, "count": 3},
            (
                "the answer has no list of records at its top; "
                "the only one further in is _embedded.orders (3)\n"
                "  hint: set records: to JMESPath, or to '@' if this is one record"
            ),
        ),
        (
            None,
            {"id": 1, "name": "x"},
            (
                "the answer has no list of records; its members are id, name\n"
                "  hint: set records: to JMESPath, or to '@' if this is one record"
            ),
        ),
        (
            None,
            "hello",
            "the answer is the text 'hello', so it holds no records\n  hint: check request and decode",
        ),
        (None, 5, "the answer is the number 5, so it holds no records\n  hint: check request and decode"),
    ],
)
def test_an_unclear_answer_is_an_error_that_names_what_is_there(
    expression: str | None, body: Any, message: str
) -> None:
    with pytest.raises(ResponseError) as caught:
        Selector(expression).select(body)
    assert str(caught.value) == message


@pytest.mark.parametrize("expression", [None, "data", "data.things.nodes"])
def test_r07_an_answer_that_reports_an_error_is_no_empty_list(expression: str | None) -> None:
    with pytest.raises(ResponseError) as caught:
        Selector(expression).select({"data": None, "errors": [{"message": "rate limited"}]})
    assert str(caught.value) == 'the answer has no records but reports errors: [{"message": "rate limited"}]'


def test_an_error_beside_the_records_is_the_records_matter() -> None:
    assert Selector("data").select({"data": [1], "error": "deprecated"}) == [1]


def test_the_member_of_the_first_list_holds_for_later_pages() -> None:
    selector = Selector()
    assert selector.select({}) == []
    assert selector.select({"items": [1]}) == [1]
    assert selector.expression == "items"
    assert selector.select({"items": [2], "more": [3]}) == [2]
    assert selector.select({"more": [3]}) == []
    with pytest.raises(ResponseError) as caught:
        selector.select([4])
    assert str(caught.value) == (
        "earlier pages were an object with the records in items, but this one is a list\n"
        "  hint: set records: to say where the records are"
    )


def test_a_list_as_first_page_holds_for_later_pages() -> None:
    selector = Selector()
    assert selector.select([1]) == [1]
    assert selector.expression == "@"
    assert selector.select(None) == []
    with pytest.raises(ResponseError) as caught:
        selector.select({"message": "slow down"})
    assert caught.value.message == "earlier pages were a list, but this one is an object"


def test_an_error_in_place_of_a_later_page_is_reported() -> None:
    selector = Selector()
    selector.select({"items": [1]})
    with pytest.raises(ResponseError) as caught:
        selector.select({"error": {"code": 429}})
    assert caught.value.message == 'the answer has no records but reports error: {"code": 429}'
