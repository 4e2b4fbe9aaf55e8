"""Opens the connections that requests go over: through proxies, certificates checked, no cookies kept."""

from __future__ import annotations

import ssl
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from syncrun.errors import UsageError

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def open_connections(transport: httpx.BaseTransport | None, *, verify: bool, timeout: float) -> httpx.Client:
    """Return what requests are sent with, once; raise UsageError for a proxy that cannot be used.

    Connections are made when they are needed, through the proxies that the environment names.
    """
    try:
        return httpx.Client(
            transport=transport,
            verify=_Trust(ssl.PROTOCOL_TLS_CLIENT) if verify and transport is None else verify,
            timeout=timeout,
            mounts={f"all://{host}": None for host in _LOOPBACK},  # no proxy leads to this machine
            # Cookies are state between requests that nobody declared.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )
    except ImportError:
        raise UsageError(
            "the proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names is a SOCKS proxy",
            hint="pip install 'httpx[socks]' adds what it takes",
        ) from None
    except (ValueError, httpx.InvalidURL):
        raise UsageError(
            "the proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names is no valid URL"
        ) from None


class _Trust(ssl.SSLContext):
    """Checks servers as `_trusted` does, which is asked when the first server is to be checked."""

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        _trusted().set_alpn_protocols(alpn_protocols)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return _trusted().wrap_socket(*args, **options)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return _trusted().wrap_bio(*args, **options)


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that servers are checked with: reading them takes longer than many a sync."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"the certificates of SSL_CERT_FILE cannot be read: {reason}") from None
