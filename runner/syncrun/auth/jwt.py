"""A JSON Web Token that is signed here, for APIs that trust a key instead of issuing tokens.

auth:
  type: jwt
  algorithm: ES256
  key: "${config.private_key}"
  key_id: "${config.key_id}"
  claims: {iss: "${config.issuer}", aud: appstoreconnect-v1}
  lifetime: 20m

auth:
  type: jwt
  algorithm: HS256
  key: "${config.secret}"
  key_encoding: hex
  key_id: "${config.key_id}"
  claims: {aud: /admin/}
  prefix: "Ghost "
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.auth.base import Auth, AuthContext
from syncrun.auth.signed_jwt import SignedJwt

if TYPE_CHECKING:
    import httpx


class Jwt(Auth, SignedJwt):
    """`Authorization: Bearer JWT`, signed here; a new one when half of its life has passed."""

    type: Literal["jwt"]
    place: Literal["header", "query", "cookie"] = Field(
        "header", alias="in", description="Where the token goes."
    )
    name: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9_.$~!#%&'*+^`|-]+$",
        description="Of the header, parameter or cookie.",
    )
    prefix: str | None = Field(
        None, pattern=r"^[\x20-\x7e]*$", description="Text before it; `Bearer ` in the header Authorization."
    )

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends a fresh token; raise UsageError now when the key cannot sign."""
        from syncrun.auth.flows import signer
        from syncrun.auth.self_signed import SelfSigned

        bearer = self.place == "header" and self.name.lower() == "authorization"
        prefix = self.prefix if self.prefix is not None else "Bearer " if bearer else ""
        return SelfSigned(self, context, signer(self.place, self.name, prefix))
