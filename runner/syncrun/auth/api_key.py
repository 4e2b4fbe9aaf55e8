"""A key in a header, a query parameter or a cookie.

auth: {type: api_key, name: X-Api-Key, key: "${config.api_key}"}
auth: {type: api_key, in: header, name: Authorization, prefix: "Token ", key: "${config.api_key}"}
auth: {type: api_key, in: query, name: apikey, key: "${config.api_key}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.auth.base import Auth, AuthContext
from syncrun.expressions.fields import Template
from syncrun.expressions.text_forms import Printable, WireName

if TYPE_CHECKING:
    import httpx


class ApiKey(Auth):
    """`NAME: PREFIX KEY`, `?NAME=KEY` or `Cookie: NAME=KEY`."""

    type: Literal["api_key"]
    place: Literal["header", "query", "cookie"] = Field(
        "header", alias="in", description="Where the key goes."
    )
    name: WireName = Field(description="Of the header, parameter or cookie.")
    prefix: Printable = Field("", description="Text before the key, its space included.")
    key: Template = Field(description="The key itself.")

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends the key where the API looks for it."""
        from syncrun.auth.flows import SecretAuth, signer

        read = self._credential if self.place == "query" else self._header_credential
        return SecretAuth(signer(self.place, self.name, self.prefix), read("key", context.render))
