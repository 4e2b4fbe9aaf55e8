"""A Python function of the project signs each request, for the API whose scheme no other kind knows.

hooks: hooks/acme.py       # def authenticate(request, context): …
auth: {type: hook}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from syncrun.auth.base import Auth, AuthContext
from syncrun.errors import UsageError

if TYPE_CHECKING:
    import httpx


class HookAuth(Auth):
    """Calls `authenticate(request, context)` before each attempt."""

    type: Literal["hook"]

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that lets the hook sign."""
        from syncrun.auth.hook_flow import HookFlow

        if context.sign is None:
            raise UsageError("hook auth needs the function authenticate", hint="name its file as hooks:")
        return HookFlow(context.sign)
