"""What a run asks the API for before it asks for records (`setup:`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncrun.config.base import YamlPath
from syncrun.config.connector import Connector
from syncrun.config.outline import ComputedText, find_computed
from syncrun.config.setup import SetupEntry
from syncrun.errors import ResponseError
from syncrun.expressions.compile import compile_expression
from syncrun.expressions.functions import Functions
from syncrun.expressions.template import template_references
from syncrun.extract.requests import Prepare, Source, build_request
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor


def needed_entries(connector: Connector, sync: str) -> list[str]:
    """Return the entries of `setup` that a run of *sync* reads, in the order in which they are requested.

    Hooks may read any of them.
    """
    if connector.hooks is not None or connector.syncs[sync].hooks is not None:
        return list(connector.setup)
    texts = [text for text in find_computed(connector) if text.kind == "template"]
    read: tuple[YamlPath, ...] = (("base_url",), ("headers",), ("check",), ("syncs", sync))
    needed = {name for path in read for name in _read(texts, path)}
    for name in reversed(connector.setup):
        if name in needed or None in needed:
            needed |= _read(texts, ("setup", name))
    return [name for name in connector.setup if name in needed or None in needed]


def base_url_needs(connector: Connector) -> set[str]:
    """Return the entries of `setup` that must have a value before `base_url` has one."""
    found = template_references(connector.base_url)
    names = {reference.member for reference in found if reference.root == "vars"}
    return {name for name in connector.setup if name in names or None in names}


def fetch_value(
    entry: SetupEntry,
    base_url: str,
    context: Mapping[str, Any],
    send: Callable[[Request], Response],
    decode: Callable[[Response], Any],
    *,
    redactor: Redactor,
    functions: Functions,
    prepare: Prepare | None = None,
) -> Any:
    """Return the value of *entry*; raise ResponseError when the answer has none."""
    request = build_request(Source(base_url, entry.request_spec), context, functions=functions)
    response = send(request if prepare is None else prepare(request, context))
    value = compile_expression(entry.value, functions=functions)(decode(response))
    if value is None:
        place = redactor.exchange(request.method, response.url)
        raise ResponseError(
            f"{place}: value ({entry.value}) selects nothing in the answer"
            f" {redactor.excerpt(response.content)}",
            hint="check value, and what these credentials may see there",
        )
    return value


def _read(texts: list[ComputedText], path: YamlPath) -> set[str | None]:
    """Return the members of `vars` that templates at and below *path* read; None stands for all of them."""
    return {
        reference.member
        for text in texts
        if text.path[: len(path)] == path
        for reference in template_references(text.text)
        if reference.root == "vars"
    }
