"""What answers promised, and what to make of an answer that does not hold the list of records (R31)."""

from __future__ import annotations

from typing import Any

from syncrun.extract.presence import is_there
from syncrun.extract.select import Selection, named
from syncrun.paginators.base import End, Page, PageState, Pagination

DELETIONS = "deletes.request asks for the list of deletions"
"""What is promised by asking for deletions: an answer without the list does not say that there are none."""

_NULL = "the answer has null in place of the list"
_MOST_MEMBERS = 8


def promise_of(pagination: Pagination | None, state: PageState, promised: str) -> str:
    """Return what was said before the page of *state* is asked for, as a clause; empty when nothing was.

    *promised* is what was said before the first page.
    """
    known = "" if pagination is None else pagination.promise(state)
    return known or ("" if state.number else promised)


def goes_into_paging(pagination: Pagination | None, page: Page) -> bool:
    """Return whether *page* itself says how paging goes on, be it that it does not: the member is there."""
    if pagination is None:
        return False
    in_body = any(is_there(text, page.body) for text in pagination.reads or () if text is not None)
    return in_body or pagination.is_told_in_headers(page)


def lack_of(selection: Selection, page: Page, pagination: Pagination | None, *, promise: str) -> str:
    """Return what is wrong with an answer, in place of the *page* that it should be; empty when nothing is.

    An answer without the list is no end after a *promise*. Without one, an empty answer is an empty page; on
    the first page, whose *number* is 0, any other is an error of the sync, and one that leaves the list out
    as the sync says that it may is an empty page whatever was promised. That null is an empty list, or
    an object the only record, is believed after a promise only of an answer that also says how paging goes
    on, and never of deletions, which would be missed for ever.
    """
    body, number = page.body, page.state.number
    instead = selection.instead if promise else ""
    if instead and (promise == DELETIONS or not goes_into_paging(pagination, page)):
        return f"the answer has {instead} in place of the list: {shown(body)}"
    left_out = number == 0 and selection.blank and isinstance(body, dict)
    if selection.listed or left_out or (not promise and (number == 0 or selection.blank)):
        return ""
    return f"the answer has no list of records: {shown(body)}"


def broken(lack: str, promise: str, state: PageState, *, repeatable: bool) -> End:
    """Return the end of an enumeration whose page of *state* stayed without the list of records."""
    told = f"{promise}, but page {state.number + 1}" if promise else f"page {state.number + 1}"
    hint = "" if repeatable else "a POST that only reads is asked again with `retry_safe: true`"
    if lack.startswith(_NULL):
        rule = "{when: \"contains(keys(body), 'items') && !(body.items)\", then: empty}"
        hint = f"where null says that there are no more, and the list is items: `errors: [{rule}]`"
    if promise == DELETIONS:
        hint = "where that means that nothing was deleted: `errors: [{status: 204, then: empty}]`"
    return End(complete=False, reason=f"{told} is missing: {lack}", hint=hint)


def shown(body: Any) -> str:
    """Return what messages say of a *body* that is no page."""
    if body is None:
        return "it is empty"
    if isinstance(body, dict):
        if not body:
            return "it is {}"
        names = ", ".join(list(body)[:_MOST_MEMBERS])
        return f"it is an object with {names}"
    return f"it is {named(body)}"
