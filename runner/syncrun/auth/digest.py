"""User name and password, proved by a digest and never sent (RFC 7616).

auth: {type: digest, username: "${config.user}", password: "${config.password}"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.auth.base import Auth, AuthContext
from syncrun.expressions.fields import Template

if TYPE_CHECKING:
    import httpx


class Digest(Auth):
    """`Authorization: Digest …`, once the server has asked for it."""

    type: Literal["digest"]
    username: Template = Field(description="The user name.")
    password: Template = Field(description="The password.")

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that answers the server's challenge, and goes on with it."""
        from syncrun.auth.challenge import DigestFlow

        username = self._credential("username", context.render)
        return DigestFlow(username, self._credential("password", context.render), context.owner)
