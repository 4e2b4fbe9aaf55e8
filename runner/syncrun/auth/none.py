"""No credentials.

auth: {type: none}
"""

from __future__ import annotations

from typing import Literal

from syncrun.auth.base import Auth, AuthContext


class NoAuth(Auth):
    """The API is open."""

    type: Literal["none"]

    def authenticator(self, context: AuthContext) -> None:  # noqa: ARG002  (there is nothing to render)
        """Return None: requests go out as they are."""
        return
