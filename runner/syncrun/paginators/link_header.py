"""The `Link` header names the next page (RFC 8288).

```yaml
pagination: link_header      # or {type: link_header, rel: next}
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from syncrun.excerpts import excerpt
from syncrun.paginators.base import End, Page, PageState
from syncrun.paginators.followed import FollowedPagination
from syncrun.paginators.values import resolve_link

# One link: <target>, then parameters up to the comma before the next one. Commas and semicolons are plain
# characters inside <…> and inside quotes; quotes that are never closed go to the end. Possessive quantifiers
# look at nothing twice.
_TEXT = r"(?:\\.|[^\"\\]++)*+"
_LINK = re.compile(
    r"<(?P<target>[^<>]*+)>(?P<parameters>(?:\s*+;\s*+[^\s=;,]++(?:\s*+=\s*+(?:\""
    + _TEXT
    + r"(?:\"|$)|[^\s;,\"]*+))?)*+)"
)
_PARAMETER = re.compile(
    r";\s*+(?P<name>[^\s=;,]++)(?:\s*+=\s*+(?:\"(?P<quoted>" + _TEXT + r")(?:\"|$)|(?P<plain>[^\s;,\"]*+)))?"
)


class LinkHeaderPagination(FollowedPagination):
    """Follows the link with the relation *rel* as it is (R19)."""

    type: Literal["link_header"] = "link_header"
    rel: str = Field("next", min_length=1, description="The relation of the link to follow.")

    @property
    def reads(self) -> Sequence[str | None]:
        """The expressions that it evaluates on bodies."""
        return ()

    def is_told_in_headers(self, page: Page) -> bool:
        """Whether there are links, also where none of them leads on."""
        return "link" in page.headers

    def next(self, state: PageState, page: Page) -> PageState | End:
        """Return the state of the link that *page* carries, resolved against its own URL; none is the end."""
        if not page.records and self.empty_page == "stop":
            return End(complete=True, reason="an empty page")
        target = find_link(page.headers.get("link", ""), self.rel)
        if not target:
            return End(complete=True, reason=f"no link with rel={self.rel}")
        url = resolve_link(page.url, target)
        if url is None:
            return End(complete=False, reason=f"the {self.rel} link is no http URL: {excerpt(target, 100)!r}")
        return PageState(number=state.number + 1, url=url)


def find_link(header: str, rel: str) -> str | None:
    """Return the target of the first link in *header* whose relations, in any case, include *rel*."""
    wanted = rel.lower()
    for target, relations in parse_links(header):
        if wanted in relations:
            return target
    return None


def parse_links(header: str) -> Iterator[tuple[str, list[str]]]:
    """Yield target and lower-case relations of every link in *header* (several headers joined with commas).

    Links about another resource (with `anchor`) are left out; of a repeated `rel` the first counts.
    """
    for link in _LINK.finditer(header):
        parameters: dict[str, str] = {}
        for parameter in _PARAMETER.finditer(link["parameters"]):
            quoted = parameter["quoted"]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else parameter["plain"] or ""
            parameters.setdefault(parameter["name"].lower(), value)
        if "anchor" not in parameters:
            yield link["target"].strip(), parameters.get("rel", "").lower().split()
