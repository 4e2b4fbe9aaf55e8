"""A request as a curl command to paste, with `***` where the secrets belong (R23)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from syncrun.excerpts import MASK
from syncrun.http.encoding import encode, header_list, merged_headers
from syncrun.http.messages import Request
from syncrun.http.redact import Redactor


def as_curl(
    request: Request, headers: Mapping[str, Any], credentials: Mapping[str, str], redactor: Redactor
) -> str:
    """Return *request*, sent with the connector's *headers*, as curl.

    *credentials* says where they go: the members `header`, `query`, `cookie` and `user` are what stands there
    with the secret masked, and `comment` is what curl cannot do.
    """
    outgoing = encode(request)
    url = redactor.url(str(outgoing.url))
    if query := credentials.get("query"):
        url = f"{url}{'&' if '?' in url else '?'}{query}"
    parts = ["curl", *(["-X", outgoing.method] if outgoing.method != "GET" else []), shlex.quote(url)]
    sent = merged_headers([("Accept", "application/json")], header_list(headers), outgoing.headers)
    shown = redactor.headers({name.decode(): value.decode() for name, value in sent})
    lines = [f"{name}: {value}" for name, value in shown.items()]
    lines += [credentials["header"]] if "header" in credentials else []
    lines += [f"Cookie: {credentials['cookie']}"] if "cookie" in credentials else []
    options = [f"-H {shlex.quote(line)}" for line in lines]
    options += [f"-u {shlex.quote(credentials['user'])}"] if "user" in credentials else []
    if outgoing.content is not None:
        body = redactor.text(outgoing.content.decode("utf-8", "replace"))
        options.append(f"--data-raw {shlex.quote(body)}")
    comment = [f"# {credentials['comment']}"] if "comment" in credentials else []
    return "\n".join([*comment, " \\\n  ".join([" ".join(parts), *options])])


def credentials_of(kind: str, place: str = "", name: str = "", prefix: str = "") -> dict[str, str]:
    """Return where an auth *kind* puts its secret, as `as_curl` wants it."""
    spots = {
        "none": {},
        "bearer": {"header": f"Authorization: Bearer {MASK}"},
        "oauth2": {"header": f"Authorization: Bearer {MASK}"},
        "basic": {"user": f"{MASK}:{MASK}"},
        "digest": {"user": f"{MASK}:{MASK}", "comment": "add --digest"},
        "api_key": {place: f"{name}: {prefix}{MASK}" if place == "header" else f"{name}={MASK}"},
    }
    return spots.get(kind, {"comment": f"signed by auth {kind}, which curl alone cannot do"})
