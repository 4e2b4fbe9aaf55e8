"""Makes objects of XML elements as a parser meets them."""

from __future__ import annotations

from typing import Any
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from syncrun.decoders.base import UndecodableError
from syncrun.decoders.json_text import MAX_DEPTH


class Objects(ContentHandler):
    """Gathers what a parser meets; *root* then has the root element as its one member."""

    def __init__(self, lists: frozenset[str], *, strip: bool) -> None:
        super().__init__()
        self.root: dict[str, Any] = {}
        self._lists, self._strip = lists, strip
        self._open: list[tuple[str, dict[str, Any], list[str]]] = [("", self.root, [])]

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        """Open an element; raise UndecodableError for one too many within each other."""
        if len(self._open) > MAX_DEPTH:
            raise UndecodableError(f"is XML nested deeper than {MAX_DEPTH:,} levels")
        members: dict[str, Any] = {}
        for key, value in attrs.items():
            if not self._strip:
                members[f"@{key}"] = value
            elif key != "xmlns" and not key.startswith("xmlns:"):
                members[f"@{_local(key)}"] = value
        self._open.append((_local(name) if self._strip else name, members, []))

    def characters(self, content: str) -> None:
        """Take a piece of text."""
        self._open[-1][2].append(content)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802
        """Close an element, and put it where its name belongs."""
        own, members, texts = self._open.pop()
        text = "".join(texts).strip()
        if members and text:
            members["#text"] = text
        value = members or text or None
        siblings = self._open[-1][1]
        if own not in siblings:
            siblings[own] = [value] if own in self._lists else value
        elif isinstance(siblings[own], list):
            siblings[own].append(value)
        else:
            siblings[own] = [siblings[own], value]


def _local(name: str) -> str:
    return name.rpartition(":")[2]
