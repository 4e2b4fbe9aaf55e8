"""Where the records of an answer are."""

from __future__ import annotations

from typing import Any

import pytest

from syncrun.errors import ResponseError
from syncrun.extract.select import Selection, Selector


def faults(body: Any, expression: str | None = None, **options: bool) -> str:
    """Return the error that *body* is as a first answer."""
    selection = Selector(expression, **options).select(body)
    assert (selection.records, selection.listed) == ([], False)
    assert selection.fault is not None
    return str(selection.fault)


@pytest.mark.parametrize(
    ("body", "records"),
    [
        ([{"id": 1}], [{"id": 1}]),
        ([], []),
        ({"items": [{"id": 1}], "total": 1}, [{"id": 1}]),
        ({"items": [{"id": 1}], "errors": []}, [{"id": 1}]),
        ({"items": [1, None, "x"]}, [1, None, "x"]),
        ({"data": None, "total": 0}, []),
    ],
)
def test_r21_without_an_expression_it_is_the_body_or_its_only_list(body: Any, records: list[Any]) -> None:
    selection = Selector().select(body)
    assert (selection.records, selection.listed, selection.fault) == (records, True, None)


@pytest.mark.parametrize("expression", [None, "data", "data[].x", "values(data)", "data || `[]`"])
def test_r31_an_empty_answer_is_blank_and_holds_no_list(expression: str | None) -> None:
    assert Selector(expression).select(None) == Selection([], listed=False, blank=True)


@pytest.mark.parametrize(
    ("expression", "body", "records"),
    [
        ("data", {"data": [{"id": 1}]}, [{"id": 1}]),
        ("data", {"data": {"id": 1}}, [{"id": 1}]),
        ("data", {"data": None}, []),
        ("data", {"data": []}, []),
        ("data[].x", {"data": []}, []),
        ("data[?kind=='a']", {"data": [{"kind": "b"}]}, []),
        ("data || items", {"items": []}, []),
        ("sort_by(data, &id)", {"data": []}, []),
        ("@", {"id": 1}, [{"id": 1}]),
        ("users[].posts[]", {"users": [{"posts": [1]}, {"posts": [2]}]}, [1, 2]),
    ],
)
def test_r21_an_expression_gives_a_list_an_object_or_nothing(
    expression: str, body: Any, records: list[Any]
) -> None:
    selection = Selector(expression).select(body)
    assert (selection.records, selection.listed, selection.fault) == (records, True, None)


@pytest.mark.parametrize(
    ("expression", "body", "message"),
    [
        (
            "data",
            [{"id": 1}, {"id": 2}],
            (
                "records (data) finds nothing in the answer, which is itself a list of 2\n"
                "  hint: leave records out, or set records: '@'"
            ),
        ),
        (
            "contact",
            {"contacts": [{"id": 1}], "page": {"tags": []}},
            (
                "records (contact) finds nothing in the answer, which has the lists contacts (1), page.tags (0)\n"
                "  hint: set records: to one of them, such as contacts"
            ),
        ),
        (
            "data",
            {"message": "try later"},
            (
                "records (data) finds nothing in the answer: its members are message\n"
                "  hint: where the API leaves an empty list out, say so: `empty: absent`"
            ),
        ),
        (
            "data",
            {},
            (
                "records (data) finds nothing in the answer: it is {}\n"
                "  hint: where the API leaves an empty list out, say so: `empty: absent`"
            ),
        ),
        (
            "data",
            "hello",
            (
                "records (data) finds nothing in the answer, which is the text 'hello'\n"
                "  hint: check request and decode"
            ),
        ),
        (
            "data[].x",
            {"data": [{"y": 1}]},
            (
                "records (data[].x) finds nothing in the answer, which has the lists data (1)\n"
                "  hint: set records: to one of them, such as data"
            ),
        ),
        (
            "a.b.c",
            {"a": {"b": None}},
            (
                "records (a.b.c) finds nothing in the answer: its members are a\n"
                "  hint: where the API leaves an empty list out, say so: `empty: absent`"
            ),
        ),
        (
            "data || `[]`",
            {"message": "try later"},
            (
                "records (data || `[]`) finds nothing in the answer: its members are message\n"
                "  hint: where the API leaves an empty list out, say so: `empty: absent`"
            ),
        ),
    ],
)
def test_an_expression_that_finds_nothing_is_an_error_that_names_what_is_there(
    expression: str, body: Any, message: str
) -> None:
    assert faults(body, expression) == message


def test_where_empty_is_absent_a_first_answer_without_the_list_is_an_empty_page() -> None:
    for body in ({}, {"page": 1}, {"data": None}, []):
        selection = Selector("data", absent=True).select(body)
        assert (selection.records, selection.listed or selection.blank) == ([], True)
    assert not Selector("data", absent=True).select("hello").blank


def test_a_list_that_php_sends_in_place_of_an_empty_object_is_blank() -> None:
    assert Selector("data").select([]).blank


def test_xml_has_no_empty_lists_so_what_is_in_an_element_that_is_there_is_there() -> None:
    selector = Selector("feed.entry", sparse=True)
    assert selector.select({"feed": None}).listed
    assert selector.select({"feed": {"title": "x"}}).listed
    assert not selector.select({"error": {"code": "7"}}).listed


def test_r31_a_list_of_records_is_not_followed_by_a_message() -> None:
    selector = Selector("@")
    assert selector.select([{"id": 1}]).listed
    assert not selector.select({"message": "try later"}, first=False).listed


def test_records_are_found_again_where_an_earlier_read_found_them() -> None:
    selector = Selector()
    selector.find_again("items")
    assert not selector.select([]).listed
    assert selector.select({"items": [], "more": []}).listed


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
            {},
            (
                "the answer is {}, an object without a list of records\n"
                "  hint: where the API leaves an empty list out, name it: `records: items` and `empty: absent`"
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
    assert faults(body, expression) == message


@pytest.mark.parametrize("expression", [None, "data", "data.things.nodes"])
def test_r07_an_answer_that_reports_an_error_is_no_empty_list(expression: str | None) -> None:
    message = faults({"data": None, "errors": [{"message": "rate limited"}]}, expression)
    assert message == 'the answer has no records but reports errors: [{"message": "rate limited"}]'


def test_an_error_beside_the_records_is_the_records_matter() -> None:
    assert Selector("data").select({"data": [1], "error": "deprecated"}) == Selection([1])


def test_the_member_of_the_first_list_holds_for_later_pages() -> None:
    selector = Selector()
    assert selector.select({"items": [1]}) == Selection([1])
    assert selector.expression == "items"
    assert selector.select({"items": [2], "more": [3]}) == Selection([2])
    for body, found in (({"more": [3]}, "this one has no such list"), ([4], "this one is a list")):
        selection = selector.select(body, first=False)
        assert not selection.listed
        assert str(selection.fault) == (
            f"earlier pages were an object with the records in items, but {found}\n"
            "  hint: set records: to say where the records are"
        )


def test_a_list_as_first_page_holds_for_later_pages() -> None:
    selector = Selector()
    assert selector.select([1]) == Selection([1])
    assert selector.expression == "@"
    fault = selector.select({"message": "slow down"}, first=False).fault
    assert isinstance(fault, ResponseError)
    assert fault.message == "earlier pages were a list, but this one is an object"


def test_an_error_in_place_of_a_later_page_is_reported() -> None:
    selector = Selector()
    selector.select({"items": [1]})
    selection = selector.select({"error": {"code": 429}}, first=False)
    assert selection.reported
    assert str(selection.fault) == 'the answer has no records but reports error: {"code": 429}'
