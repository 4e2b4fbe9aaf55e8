"""A token in the Authorization header (RFC 6750).

auth: {type: bearer, token: "${config.token}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.auth.base import Auth, AuthContext
from syncrun.expressions.fields import Template

if TYPE_CHECKING:
    import httpx


class Bearer(Auth):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: Template = Field(description="The access token.")

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends the token."""
        from syncrun.auth.flows import SecretAuth, signer

        sign = signer("header", "Authorization", "Bearer ")
        return SecretAuth(sign, self._header_credential("token", context.render))
