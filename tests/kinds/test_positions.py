"""Which saved places move when records go: positions do, tokens do not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from syncrun.paginators import AnyPagination, PageState, Pagination

KINDS: TypeAdapter[Pagination] = TypeAdapter(AnyPagination)
CURSOR = {"type": "cursor", "token": "next", "into": "params.after"}


def shifts(pagination: Any, **state: Any) -> bool:
    return KINDS.validate_python(pagination).shifts(PageState(number=2, **state))


def test_r07_positions_shift_whatever_their_parameter_is_called() -> None:
    assert shifts({"type": "page", "param": "x"}, page=3)
    assert shifts({"type": "offset", "into": "body.x"}, offset=6)


@pytest.mark.parametrize(
    ("url", "moves"),
    [
        ("https://api.test/items?page=3&per_page=100", True),
        ("https://api.test/items?Page%5Bnumber%5D=3", True),
        ("https://api.test/items?limit=50&offset=100", True),
        ("https://api.test/items?$skip=20", True),
        ("https://api.test/items?startAt=50", True),
        ("https://api.test/items/page/3", True),
        ("https://api.test/items?after=17", False),
        ("https://api.test/items?page=WyIxNyJd&per_page=100", False),
        ("https://api.test/items?$skiptoken=40", False),
        ("https://api.test/pages?cursor=3", False),
        ("https://api.test/2024/items?limit=50", False),
    ],
)
def test_r07_a_next_url_shifts_when_it_has_a_position(url: str, moves: bool) -> None:
    assert shifts("link_header", url=url) is moves
    assert shifts({"type": "next_url", "url": "next"}, url=url) is moves
    assert shifts("hook", url=url) is moves


@pytest.mark.parametrize(
    ("keys", "token", "moves"),
    [
        ({"into": "params.page"}, 3, True),
        ({"into": "params.page"}, "3", True),
        ({"into": "params.page"}, "WyIxNyJd", False),
        ({"into": "body.variables.offset"}, 100, True),
        ({"token": "meta.next_page", "into": "params.x"}, 3, True),
        ({"token": None, "token_header": "X-Next-Page", "into": "params.x"}, "3", True),
        ({}, 17, False),
        ({"token": "next_cursor", "into": "params.cursor"}, 1374004777531007833, False),
        ({"into": None}, 3, True),  # `${page.token}` may be anywhere in the request
        ({"into": None}, "WyIxNyJd", False),
    ],
)
def test_r07_a_token_shifts_when_it_is_a_number_where_positions_go(
    keys: dict[str, Any], token: Any, moves: bool
) -> None:
    pagination = {name: value for name, value in {**CURSOR, **keys}.items() if value is not None}
    assert shifts(pagination, token=token) is moves


@pytest.mark.parametrize(
    ("into", "token", "moves"),
    [
        ("params.after", 17, False),
        ("params.page", 3, True),
        (None, 3, True),
        (None, "WyIxNyJd", False),
        (None, {"json": {"paging": [{"from": 20}]}}, True),
        (None, {"params": {"after": "abc"}}, False),
        ("params.after", {"token": 17}, False),
        ("params.after", {"token": 17, "headers": {"x-page": "3"}}, True),
    ],
)
def test_r07_what_a_hook_returns_shifts_when_it_may_be_a_position(into: Any, token: Any, moves: bool) -> None:
    assert shifts({"type": "hook", "into": into}, token=token) is moves


def test_a_last_record_keeps_its_place() -> None:
    assert not shifts({"type": "last_record", "token": "id", "into": "params.start"}, token=17)
