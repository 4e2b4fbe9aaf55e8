"""What kind of pagination an API has, judged by the first answer, when YAML does not say.

A guess needs a member (or header) that is there and makes sense; everything else is left to the author. What
was detected can be printed as YAML to paste, so that the guess becomes a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from syncrun.extract import known_members as known
from syncrun.extract.select import path_of
from syncrun.http.messages import Request
from syncrun.paginators.base import Page, Pagination
from syncrun.paginators.cursor import CursorPagination
from syncrun.paginators.last_record import LastRecordPagination
from syncrun.paginators.link_header import LinkHeaderPagination, find_link, parse_links
from syncrun.paginators.next_url import NextUrlPagination
from syncrun.paginators.none import NoPagination
from syncrun.paginators.offset import OffsetPagination
from syncrun.paginators.page import PagePagination
from syncrun.paginators.positions import page_parameters
from syncrun.paginators.values import as_count, evaluate

Detected = tuple[Pagination, str]

_PAGING_RELATIONS = frozenset({"first", "last", "prev", "previous"})
_DEEPEST_CONNECTION = 6
_ID = "id"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def detect(request: Request, page: Page) -> Detected:
    """Return the pagination that the answer to *request* shows, and why; `none` when it shows nothing."""
    for look in (
        _by_header,
        _by_url,
        _by_token,
        _by_connection,
        _by_flag,
        _by_page_count,
        _by_offset,
        _by_null,
    ):
        found = look(request, page)
        if found is not None:
            return found
    return NoPagination(), "the answer shows no way to a next page"


def as_yaml(pagination: Pagination) -> str:
    """Return *pagination* as the YAML to paste into a sync."""
    import yaml

    members = {"type": pagination.kind, **pagination.model_dump(exclude_defaults=True)}
    value: Any = pagination.kind if members == {"type": pagination.kind} else members
    text: str = yaml.safe_dump({"pagination": value}, sort_keys=False, allow_unicode=True)
    return text


def _by_header(request: Request, page: Page) -> Detected | None:
    link = page.headers.get("link", "")
    if find_link(link, "next"):
        return LinkHeaderPagination(), "the Link header has rel=next"
    for name in known.next_url_headers:
        if _is_url(page.headers.get(name.lower())):
            return NextUrlPagination(header=name), f"the header {name} has the next page's URL"
    for name, into in known.token_headers.items():
        if name.lower() in page.headers:
            kind = CursorPagination(token_header=name, into=_into(request, into))
            return kind, f"the answer has the header {name}"
    relations = {relation for _, names in parse_links(link) for relation in names}
    if relations & _PAGING_RELATIONS:
        return LinkHeaderPagination(), "the Link header names pages, and no next one"
    return None


def _by_url(_: Request, page: Page) -> Detected | None:
    for path in known.next_urls:
        if isinstance(page.body, dict) and _is_url(evaluate(path, page.body)):
            return NextUrlPagination(url=path), f"{path} is the next page's URL"
    return None


def _by_token(request: Request, page: Page) -> Detected | None:
    if not isinstance(page.body, dict):
        return None
    for path, into in known.tokens.items():
        token = evaluate(path, page.body)
        if _is_token(token):
            return _cursor(request, page.body, path, into), f"{path} looks like the next page's token"
    offset = page.body.get("offset")
    if isinstance(offset, str) and offset.strip() and not offset.strip().isdigit():
        return _cursor(request, page.body, "offset", "params.offset"), "offset is a token, not a number"
    return None


def _by_connection(request: Request, page: Page) -> Detected | None:
    """Look for the one `pageInfo` of a GraphQL answer; its end cursor goes to a variable of the query."""
    if not isinstance(request.json, dict) or "query" not in request.json or not isinstance(page.body, dict):
        return None
    found = list(_connections(page.body, []))
    if len(found) != 1:
        return None
    path = path_of([*found[0], "pageInfo"])
    variables = request.json.get("variables")
    names = variables if isinstance(variables, dict) else {}
    name = next((n for n in names if "after" in n.lower() or "cursor" in n.lower()), "after")
    kind = CursorPagination(
        token=f"{path}.endCursor", has_more=f"{path}.hasNextPage", into=f"body.variables.{name}"
    )
    return kind, f"{path} is that of a GraphQL connection"


def _by_flag(_: Request, page: Page) -> Detected | None:
    """Look for `{object: list, has_more: …, data: […]}`, continued after the id of the last record."""
    body = known.inside(page.body, "")
    if body.get("object") != "list" or not isinstance(body.get("has_more"), bool) or "next_cursor" in body:
        return None
    last = page.records[-1] if page.records else None
    if not isinstance(last, dict) or not last.get("id"):
        return None
    kind = LastRecordPagination(token=_ID, into="params.starting_after", has_more="has_more")
    return kind, "has_more without a token, in a list object of records with an id"


def _by_page_count(request: Request, page: Page) -> Detected | None:
    for container in known.containers:
        inside = known.inside(page.body, container)
        number, count = _count(inside, known.page_numbers), _count(inside, known.page_counts)
        if number is None or count is None:
            continue
        sent = _sent_page(request)
        asked = None if sent is None else as_count(known.sent_values(request)[sent])
        if number[1] not in (0, 1, asked):
            continue
        path = known.member(container, count[0])
        kind = PagePagination(**_target(request, sent or "page"), start=number[1], total_pages=path)
        return kind, f"{known.member(container, number[0])} is {number[1]} and {path} is {count[1]}"
    return None


def _by_offset(request: Request, page: Page) -> Detected | None:
    for container in known.containers:
        inside = known.inside(page.body, container)
        offset, total = _count(inside, known.offsets), _count(inside, known.totals)
        if offset is None or total is None or _count(inside, known.limits) is None:
            continue
        asked = as_count(known.sent_values(request).get(offset[0]))
        if offset[1] not in (0, 1, asked):
            continue
        if total[1] < len(page.records) or total[0] == "count":
            continue  # the number of records in this page is no total
        path = known.member(container, total[0])
        kind = OffsetPagination(**_target(request, offset[0]), start=offset[1], total=path)
        return kind, f"{known.member(container, offset[0])} is {offset[1]} and {path} is {total[1]}"
    return None


def _by_null(request: Request, page: Page) -> Detected | None:
    """Look for a known member that is there but empty: the only page, and the kind is known all the same."""
    if not isinstance(page.body, dict):
        return None
    for path in known.next_urls:
        if "[" not in path and _is_blank_member(page.body, path):
            return NextUrlPagination(url=path), f"{path} is there, and empty"
    for path, into in known.tokens.items():
        if _is_blank_member(page.body, path):
            return _cursor(request, page.body, path, into), f"{path} is there, and empty"
    return None


def _cursor(request: Request, body: Any, path: str, into: str) -> CursorPagination:
    if path == "next_cursor" and body.get("object") == "list":
        # This dialect gives its parameter another name than its member.
        into = "params.start_cursor"
    container = path.rpartition(".")[0]
    more = next(
        (
            known.member(place, name)
            for place in dict.fromkeys((container, ""))
            for name in known.has_more
            if isinstance(known.inside(body, place).get(name), bool)
        ),
        None,
    )
    return CursorPagination(token=path, into=_into(request, into), has_more=more)


def _into(request: Request, usual: str) -> str:
    """Return where the token goes: the usual place, or the member that the request has for the same thing."""
    name = usual.removeprefix("params.")
    if usual == "params.page":
        name = _sent_page(request) or name
    return (
        f"body.{name}"
        if _in_body(request, name)
        else f"params.{name}"
        if usual.startswith("params.")
        else usual
    )


def _target(request: Request, name: str) -> dict[str, Any]:
    """Return the key that places *name* where the request already has it, else among its parameters."""
    return {"into": f"body.{name}"} if _in_body(request, name) else {"param": name}


def _in_body(request: Request, name: str) -> bool:
    """Whether the request has *name* in its body, or asks by that and has *name* nowhere else."""
    bodies = [body for body in (request.json, request.form) if isinstance(body, Mapping)]
    if any(name in body for body in bodies):
        return True
    if request.method.upper() not in _WITH_BODY or request.text is not None:
        return False
    asked = {*request.params, *dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))}
    return name not in asked and known.size_parameters.isdisjoint(map(str.lower, asked))


def _sent_page(request: Request) -> str | None:
    return next((name for name in known.sent_values(request) if name.lower() in page_parameters), None)


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.strip().startswith(("http://", "https://", "/", "?"))


def _is_token(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip()) and not _is_url(value)
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_blank_member(body: Mapping[str, Any], path: str) -> bool:
    container, _, name = path.rpartition(".")
    if container.startswith('"') or name.startswith('"'):
        return False  # a quoted name is never sent empty
    inside = known.inside(body, container)
    return name in inside and (inside[name] is None or inside[name] == "")


def _count(members: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, int] | None:
    for name in names:
        value = as_count(members.get(name))
        if value is not None:
            return name, value
    return None


def _connections(value: Any, above: list[str]) -> Iterator[list[str]]:
    if not isinstance(value, dict) or len(above) > _DEEPEST_CONNECTION:
        return
    info = value.get("pageInfo")
    if isinstance(info, dict) and "endCursor" in info and "hasNextPage" in info:
        yield above
    for name, member in value.items():
        yield from _connections(member, [*above, name])
