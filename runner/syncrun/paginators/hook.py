"""A Python function of the project says what to ask for next.

```yaml
hooks: hooks/acme.py       # def next_page(response, context): …
pagination:
  type: hook
  into: params.after       # where a token goes that the function returns
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import PrivateAttr

from syncrun.errors import HookError
from syncrun.excerpts import excerpt
from syncrun.http.messages import Request
from syncrun.paginators.base import End, Page, PageState, Pagination
from syncrun.paginators.positions import has_position, is_position, may_count
from syncrun.paginators.values import is_end_marker, resolve_link

_MERGED = ("params", "headers", "json", "form")
_CHANGES = ("url", "token", *_MERGED, "text")

Ask = Callable[[Page], Any]
"""Returns what the hook says about the page after this one, as JSON values."""


class HookPagination(Pagination):
    """Asks `next_page(response, context)`: a token, a URL, changes to the request, or None for the end."""

    type: Literal["hook"] = "hook"
    _ask: Ask | None = PrivateAttr(None)

    def asking(self, ask: Ask) -> HookPagination:
        """Return a copy that learns from *ask* what follows a page."""
        bound = self.model_copy()
        bound._ask = ask  # noqa: SLF001 - a copy of its own
        return bound

    def shifts(self, state: PageState) -> bool:
        """Whether *state* is a position, or holds a number that may be one."""
        if state.url is not None and has_position(state.url):
            return True
        token = _token_of(state)
        if self.into is not None and is_position(self.into, token):
            return True
        unnamed = token if self.into is None else None
        changes = state.token if isinstance(state.token, dict) else {}
        return may_count([unnamed, *(value for name, value in changes.items() if name != "token")])

    def promise(self, state: PageState) -> str:
        """Return that the hook asks for this page."""
        return f"the hook next_page went on after page {state.number}" if state.number else ""

    @property
    def placed(self) -> bool:
        """Return true: what the hook returns says where it goes."""
        return True

    def context(self, state: PageState) -> dict[str, Any]:
        """Return the template root `page`, in which a token is only the token."""
        return {**state.as_context(), "token": _token_of(state)}

    def apply(self, request: Request, state: PageState) -> Request:
        """Return *request* with what the hook returned put into it."""
        changes = state.token if isinstance(state.token, dict) else {}
        if state.url is not None:
            request = request.at_url(state.url)
        for name in _MERGED:
            if name in changes:
                request = replace(request, **{name: _merged(getattr(request, name), changes[name])})
        if "text" in changes:
            request = replace(request, text=changes["text"])
        token = _token_of(state)
        return request if self.into is None or token is None else request.with_value(self.into, token)

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state that the hook makes of *page*; an empty answer of the hook is the end (R17)."""
        if not page.records and self.empty_page == "stop":
            return End(complete=True, reason="an empty page")
        if self._ask is None:
            raise HookError("pagination type 'hook' needs the function next_page")
        found = self._ask(page)
        nothing = isinstance(found, dict) and all(map(is_end_marker, found.values()))
        if nothing or is_end_marker(found):
            return End(complete=True, reason="the hook next_page says that this is the end")
        if found is True or isinstance(found, list):
            shown = excerpt(json.dumps(found), 80)
            raise HookError(f"hook next_page returned {shown}: no token, URL or changes to the request")
        if not isinstance(found, dict):
            is_url = self.into is None and str(found).lower().startswith(("http://", "https://"))
            return PageState(number=state.number + 1, **{"url" if is_url else "token": found})
        return self._changed(state, page, found)

    def _changed(self, state: PageState, page: Page, changes: Mapping[str, Any]) -> PageState | End:
        _check(changes)
        rest = {name: value for name, value in changes.items() if name != "url"} or None
        link = changes.get("url")
        if link is None:
            return PageState(number=state.number + 1, token=rest)
        url = resolve_link(page.url, link)
        if url is None:
            return End(complete=False, reason=f"the next page's URL is no http URL: {excerpt(link, 100)!r}")
        return PageState(number=state.number + 1, url=url, token=rest)


def _token_of(state: PageState) -> Any:
    return state.token.get("token") if isinstance(state.token, dict) else state.token


def _check(changes: Mapping[str, Any]) -> None:
    """Raise HookError for changes that are none of a request."""
    known = ", ".join(_CHANGES)
    for name, value in changes.items():
        if name not in _CHANGES:
            raise HookError(f"hook next_page returned the unknown member {name!r}", hint=f"one of: {known}")
        wanted = dict if name in _MERGED else str
        if name != "token" and value is not None and not isinstance(value, wanted):
            kind = "an object" if wanted is dict else "text"
            raise HookError(f"hook next_page returned {name} that is not {kind}")


def _merged(before: Any, changes: Mapping[str, Any] | None) -> Any:
    return {**(before if isinstance(before, dict) else {}), **(changes or {})}
