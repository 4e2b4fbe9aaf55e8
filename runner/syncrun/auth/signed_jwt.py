"""A JSON Web Token that is signed here (RFC 7519): what is in it, and the key."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

from pydantic import Field

from syncrun.auth.base import AuthContext, Lifetime, credential, origin_of, seconds_of
from syncrun.auth.jws import Algorithm, UnfitKeyError, sign
from syncrun.errors import UsageError
from syncrun.expressions.fields import Template, TemplateTree
from syncrun.yaml_models import YamlModel


class SignedJwt(YamlModel):
    """What a token says and how it is signed."""

    algorithm: Algorithm = Field("RS256", description="How it is signed.")
    key: Template = Field(description="The private key in PEM, or the shared secret of HS256 and its like.")
    key_encoding: Literal["text", "base64", "hex"] = Field(
        "text", description="How a shared secret, or a PEM file, is written."
    )
    key_id: Template = Field("", description="The header `kid`.")
    headers: dict[str, TemplateTree] = Field(default_factory=dict, description="Further JWT headers.")
    claims: dict[str, TemplateTree] = Field(
        default_factory=dict, description="The claims; iat and exp are added."
    )
    lifetime: Lifetime = Field("5m", description="How long it is valid.")

    def sign(self, context: AuthContext, extra: dict[str, Any] | None = None) -> str:
        """Return a token that is valid from now on; *extra* claims yield to those of the connector.

        Raise UsageError, which never shows the key, when it cannot sign.
        """
        now = int(context.now())
        times = {"iat": now, "exp": now + max(int(seconds_of(self.lifetime)), 1)}
        claims = {**times, **(extra or {}), **context.render(self.claims)}
        header: dict[str, Any] = {"typ": "JWT", **context.render(self.headers)}
        if self.key_id:
            header["kid"] = credential(self.key_id, "key_id", "jwt", context.render)
        try:
            token = sign(header, claims, self._key(context), self.algorithm)
        except UnfitKeyError:
            need = "a private key in PEM of the kind that this algorithm signs with, without a passphrase"
            raise UsageError(
                f"the key of jwt auth cannot sign with {self.algorithm}",
                hint=f"{origin_of(self.key)}; it must be {need}",
            ) from None
        context.redactor.add(token)
        return token

    def _key(self, context: AuthContext) -> bytes:
        shared = self.algorithm.startswith("HS")
        text = credential(self.key, "key", "jwt", context.render, lines=not shared)
        if self.key_encoding == "text":
            # A PEM file in one line of .env has its line breaks written out.
            return (text.replace("\\n", "\n") if text.startswith("-----BEGIN") else text).encode()
        try:
            if self.key_encoding == "hex":
                return bytes.fromhex(text)
            return base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            raise UsageError(
                f"the key of jwt auth is no {self.key_encoding} text", hint=origin_of(self.key)
            ) from None
