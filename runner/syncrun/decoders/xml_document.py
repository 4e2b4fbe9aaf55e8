"""One XML document as objects: attributes are `@name`, text beside them `#text`, repeated elements a list.

decode: xml
decode: {type: xml, namespaces: keep, lists: [item]}

`<items count="1"><item>a</item></items>` is `{items: {"@count": "1", item: "a"}}`, and with `lists: [item]`
its `item` is `["a"]`, so that one element and many look the same. Entities are refused (R25).
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from syncrun.decoders.base import Decoder, UndecodableError, charset, named
from syncrun.decoders.weight import XML_WEIGHTS, Weights
from syncrun.yaml_models import no_entries

_PIECE = 1 << 20
_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_.:-]+)""")


class XmlDecoder(Decoder):
    """An XML document."""

    sparse = True
    weights: ClassVar[Weights] = XML_WEIGHTS
    type: Literal["xml"]
    namespaces: Literal["strip", "keep"] = Field(
        "strip", description="Whether names keep their prefixes, as in soap:Body, and xmlns attributes stay."
    )
    lists: list[str] = Field(
        default_factory=no_entries, description="Elements that are a list even where there is only one."
    )

    def read(self, content: bytes, content_type: str | None) -> dict[str, Any]:
        """Return an object whose one member is the root element."""
        from xml.sax import SAXParseException

        from defusedxml.common import DefusedXmlException
        from defusedxml.expatreader import create_parser

        from syncrun.decoders.xml_objects import Objects

        builder = Objects(frozenset(self.lists), strip=self.namespaces == "strip")
        # a document type by name is harmless: the parser never fetches it
        parser = create_parser(forbid_dtd=False, forbid_entities=True, forbid_external=False)
        parser.setContentHandler(builder)
        text = _text(content, content_type)
        try:
            for start in range(0, len(text), _PIECE):
                parser.feed(text[start : start + _PIECE])
            parser.close()
        except SAXParseException as error:
            where = f"line {error.getLineNumber()}: {error.getMessage()}"
            raise UndecodableError(f"is no XML ({named(content_type)}): {where}") from None
        except DefusedXmlException:
            raise UndecodableError(
                f"is XML with entities, which are not read ({named(content_type)})"
            ) from None
        if not builder.root:
            raise UndecodableError(f"is no XML ({named(content_type)}): it has no element")
        if next(iter(builder.root)).lower() == "html":
            raise UndecodableError(f"is a page of HTML ({named(content_type)})")
        return builder.root


def _text(content: bytes, content_type: str | None) -> str:
    """Return *content* as text: as its mark or the answer says, else as it declares itself."""
    declared = None
    if "charset" not in (content_type or "").lower():
        found = _DECLARED.match(content.lstrip())
        declared = found[1].decode() if found else None
    return content.decode(charset(content, content_type, declared), "replace").lstrip()
