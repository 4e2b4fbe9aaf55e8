"""Opens the connections that requests go over: through proxies, certificates checked, no cookies kept."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx

from syncrun.errors import UsageError
from syncrun.http.quiet import mask_libraries
from syncrun.http.reach import guard
from syncrun.http.wire import bound

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_PROXIES = [
    name
    for scheme in ("http", "https", "all", "no")
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())
]
# Those who send bound their number: nobody waits for another's connection.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)

_Client = TypeVar("_Client", bound=httpx.Client)


class _Kept(httpx.Client):
    """What everybody in a `kept_open` block has, who may close it in vain."""

    def close(self) -> None:
        """Leave the connections open for others."""

    def end(self) -> None:
        """Close the connections."""
        super().close()


class _Keeper:
    """Has what is kept open while there are *blocks* that want it."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.blocks = 0
        self.clients: dict[object, _Kept] = {}


_keeper = _Keeper()


@contextmanager
def kept_open() -> Iterator[None]:
    """Let all that is opened in the block share connections, which stay open until it ends.

    They hold nothing of who sends: credentials go with each request, and no cookies are kept.
    """
    with _keeper.guard:
        _keeper.blocks += 1
    try:
        yield
    finally:
        with _keeper.guard:
            _keeper.blocks -= 1
            ended = [] if _keeper.blocks else list(_keeper.clients.values())
            if ended:
                _keeper.clients = {}
        for client in ended:
            client.end()


def open_connections(transport: httpx.BaseTransport | None, *, verify: bool, timeout: float) -> httpx.Client:
    """Return what requests are sent with, once; raise UsageError for a proxy that cannot be used.

    Connections are made when they are needed, through the proxies that the environment names.
    """
    with _keeper.guard:
        if transport is None and _keeper.blocks:
            key = (verify, timeout, *map(os.environ.get, _PROXIES))
            if key not in _keeper.clients:
                _keeper.clients[key] = _open(_Kept, None, verify=verify, timeout=timeout)
            return _keeper.clients[key]
    return _open(httpx.Client, transport, verify=verify, timeout=timeout)


def _open(
    kind: type[_Client], transport: httpx.BaseTransport | None, *, verify: bool, timeout: float
) -> _Client:
    try:
        client = kind(
            transport=transport,
            verify=_Trust(ssl.PROTOCOL_TLS_CLIENT) if verify and transport is None else verify,
            timeout=timeout,
            limits=_LIMITS,
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
    guard(client)
    mask_libraries()
    bound(client)
    return client


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
