"""User name and password in the Authorization header (RFC 7617).

    auth: {type: basic, username: "${config.email}", password: "${config.api_token}"}

APIs that take a key as the user name have no password: leave it out.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.auth.base import Auth, AuthContext
from syncrun.errors import UsageError
from syncrun.expressions.fields import Template

if TYPE_CHECKING:
    import httpx


class Basic(Auth):
    """`Authorization: Basic base64(USERNAME:PASSWORD)`, in UTF-8."""

    type: Literal["basic"]
    username: Template = Field("", description="Empty for APIs that read only the password.")
    password: Template = Field("", description="Empty for APIs that read only the user name.")

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends both."""
        from syncrun.auth.flows import SecretAuth, signer

        # Empty text in the file is a choice; a template that turns out empty is a value that was forgotten.
        username = self._credential("username", context.render, may_be_empty=not self.username)
        password = self._credential("password", context.render, may_be_empty=not self.password)
        if not username and not password:
            raise UsageError("basic auth has neither username nor password")
        if ":" in username:
            raise UsageError("the username of basic auth holds a colon, which separates it from the password")
        pair = b64encode(f"{username}:{password}".encode()).decode()
        context.redactor.add(pair)
        return SecretAuth(signer("header", "Authorization", "Basic "), pair)
