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

from syncrun.auth.base import Auth, AuthContext
from syncrun.auth.placement import Placement
from syncrun.auth.signed_jwt import SignedJwt

if TYPE_CHECKING:
    import httpx


class Jwt(Placement, SignedJwt, Auth):
    """`Authorization: Bearer JWT`, signed here; a new one when half of its life has passed."""

    type: Literal["jwt"]

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends a fresh token; raise UsageError now when the key cannot sign."""
        from syncrun.auth.self_signed import SelfSigned

        return SelfSigned(self, context, self.signer)
