"""Short texts in YAML that have to be of a certain form, and each form in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

WIRE_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
PRINTABLE = r"^[\x20-\x7e]*$"
REQUEST_PLACE = r"^(params|headers|body)\..+$"
DELIMITER = r"^([^\r\n\"]|tab)$"
QUOTE = r"^[^\r\n]?$"
JSON_FILE = r"\.json$"

FORMS: Mapping[str, str] = {
    WIRE_NAME: "a name of letters, digits, '-', '_' and the like, without spaces",
    PRINTABLE: "text of visible ASCII characters",
    REQUEST_PLACE: "params.NAME, headers.NAME or body.NAME",
    DELIMITER: "one character, or tab",
    QUOTE: "one character, or none",
    JSON_FILE: "a file that ends with .json",
}
"""What to write, for each pattern."""

WireName = Annotated[str, Field(pattern=WIRE_NAME)]
"""The name of a header, query parameter or cookie (RFC 9110: a token)."""

Printable = Annotated[str, Field(pattern=PRINTABLE)]
"""Text that a header can carry."""
