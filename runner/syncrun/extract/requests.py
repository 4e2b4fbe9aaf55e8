"""From a sync's request as written in YAML to the request that is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from syncrun.config.request import RequestSpec
from syncrun.errors import RequestError
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.template import render, render_path, render_text, template_references
from syncrun.http.messages import Request
from syncrun.paginators.base import PageState, Pagination

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_SERVER = re.compile(r"https?://[^/?#${}]+(?:[/?#]|$)", re.IGNORECASE)
_OWN = frozenset({"config", "connection", "now"})
# What a user gives. All other roots may hold what an answer said.

Prepare = Callable[[Request, Mapping[str, Any]], Request]
"""Changes a request last, given the roots that its templates saw."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages of one enumeration come from; *base_url* is rendered, the rest is as in YAML.

    *records* and *pagination* are found out on the first answer when they are None. *absent* tells that the
    API leaves the list out when it is empty, *sparse* that answers are in XML, which has no empty lists.
    *cut_off* is true for an answer that is only a part.
    """

    base_url: str
    request: RequestSpec
    records: str | None = None
    pagination: Pagination | None = None
    prepare: Prepare | None = None
    absent: bool = False
    sparse: bool = False
    cut_off: str | None = None


def build_request(source: Source, context: Mapping[str, Any], *, functions: Functions = DEFAULT) -> Request:
    """Return the request of *source* with its templates rendered; null parameters and headers are left out.

    Raise EvaluationError where a template fails, or is null in a path or URL.
    """
    spec = source.request

    def rendered(members: Mapping[str, Any]) -> dict[str, Any]:
        values = render(members, context, functions=functions)
        return {name: value for name, value in values.items() if value is not None}

    try:
        url = _url(source.base_url, spec, context, functions)
        urlsplit(url)
    except ValueError:  # such as http://[${x}/
        raise RequestError(
            f"{spec.method} {spec.path or spec.url or source.base_url}: this makes no valid URL",
            hint="check what stands in base_url, path and url, and in their ${…}",
        ) from None
    return Request(
        method=spec.method,
        url=url,
        params=rendered(spec.params),
        headers=rendered(spec.headers),
        json=render(spec.body, context, functions=functions),
        form=None if spec.form is None else rendered(spec.form),
        text=None if spec.text is None else render_text(spec.text, context, "text", functions=functions),
        retry_safe=spec.retry_safe,
        named=spec.url is not None and names_server(spec.url),
    )


@lru_cache(maxsize=256)
def names_server(url: str) -> bool:
    """Whether the template *url* itself says which server is asked, be it by values of the connection."""
    return _SERVER.match(url) is not None or all(ref.root in _OWN for ref in template_references(url))


class RequestSeries:
    """The requests of one enumeration, page by page; rendered once unless a template reads `page`."""

    def __init__(self, source: Source, context: Mapping[str, Any], functions: Functions = DEFAULT) -> None:
        self._source = source
        self._context = context
        self._functions = functions
        self._by_template = mentions_page(source.request)
        self._rendered: Request | None = None

    def request(self, pagination: Pagination | None, state: PageState) -> Request:
        """Return the request for the page of *state*; without *pagination*, the first of an unknown kind."""
        page = state.as_context() if pagination is None else pagination.context(state)
        request = self._place(pagination, state, page)
        prepare = self._source.prepare
        return request if prepare is None else prepare(request, {**self._context, "page": page})

    def _place(self, pagination: Pagination | None, state: PageState, page: Mapping[str, Any]) -> Request:
        if self._rendered is None or self._by_template:
            context = {**self._context, "page": page}
            self._rendered = build_request(self._source, context, functions=self._functions)
        if pagination is None:
            return self._rendered
        if self._by_template and not pagination.placed:
            return pagination.with_size(self._rendered)
        return _without_overridden(pagination.apply(self._rendered, state))


def join_url(base_url: str, path: str) -> str:
    """Return *path*, which may bring a query, appended to *base_url*, whose own path and query stay."""
    base = urlsplit(base_url)
    path, _, query = path.partition("?")
    joined = f"{base.path.rstrip('/')}/{path.lstrip('/')}" if path else base.path
    queries = "&".join(part for part in (base.query, query) if part)
    return urlunsplit((base.scheme, base.netloc, joined, queries, ""))


def _without_overridden(request: Request) -> Request:
    """Return *request* with those parameters taken out of its URL that `params` set anew."""
    parts = urlsplit(request.url)
    if not parts.query or not request.params:
        return request
    kept = [p for p in parts.query.split("&") if unquote_plus(p.partition("=")[0]) not in request.params]
    return replace(request, url=urlunsplit(parts._replace(query="&".join(kept))))


def mentions_page(spec: RequestSpec) -> bool:
    """Whether a template of *spec* reads the root `page`, so that it changes from page to page."""
    parts = (spec.path, spec.url, spec.params, spec.headers, spec.body, spec.form, spec.text)
    return any(ref.root == "page" for text in _texts(parts) for ref in template_references(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


def _url(base_url: str, spec: RequestSpec, context: Mapping[str, Any], functions: Functions) -> str:
    if spec.url is not None:
        return render_text(spec.url, context, "url", functions=functions)
    path = render_path(spec.path or "", context, functions=functions)
    # A path that is one ${…} may come from data as a whole URL.
    return path if _ABSOLUTE.match(path) else join_url(base_url, path)
