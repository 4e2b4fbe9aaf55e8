"""Where requests may go at all: nowhere that only this machine sees, and where the project says (R25).

The address 169.254.169.254 and its like tell a cloud machine its own credentials. A name that leads there is
refused as well: once it is looked up, before anything is sent.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx

from syncrun.errors import UsageError

_LINK_LOCAL = tuple(
    map(
        ipaddress.ip_network,
        ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32"),
    )
)
_METADATA = frozenset({"metadata.google.internal", "metadata.goog", "metadata", "instance-data"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOW_BITS = 0xFFFFFFFF
_ENTRY = re.compile(r"(?:https?://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^/:\[\]\s]+)(?::(?P<port>\d+))?/?")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedAddressError(Exception):
    """A name led to an address that nothing is sent to; the message goes on after the request's name."""


class Reach:
    """Says whether a server may be asked.

    *restrict* is what the project allows, None: everything. *named* are the hosts that the connector names:
    an address of the machine's own network is asked only when one of both names exactly it.
    """

    def __init__(self, restrict: Sequence[str] | None = None, named: Iterable[str] = ()) -> None:
        self._restrict = None if restrict is None else [_entry(text) for text in restrict]
        self._exact = {host for host, _ in self._restrict or () if "*" not in host}
        self._exact |= {host for host, _ in map(_entry, named) if "*" not in host}

    def refusal(self, url: httpx.URL) -> tuple[str, str]:
        """Return why the server of *url* is not asked, and a hint; empty texts when it is."""
        host = _host_of(url)
        if self.permits_own_network(url) is False and is_own_network(host):
            return _OWN_NETWORK
        port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
        if self._restrict is not None and not any(_covers(entry, host, port) for entry in self._restrict):
            return f"restrict_hosts of the project does not allow {host}", (
                f'if requests may go there, add "{host}" to restrict_hosts in syncrun.yaml'
            )
        return "", ""

    def permits_own_network(self, url: httpx.URL) -> bool:
        """Whether the host of *url* is named, so that it may be an address of the machine's own network."""
        return _host_of(url) in self._exact


_OWN_NETWORK = (
    "this address belongs to the machine's own network, where cloud machines tell their credentials",
    "if it is meant, name exactly it in allow_hosts of the connector or restrict_hosts of the project",
)


def check_entry(text: str) -> None:
    """Raise UsageError when *text* is no entry of `restrict_hosts`."""
    _entry(text)


def is_own_network(host: str) -> bool:
    """Whether *host* is a link-local address, or one where a cloud tells secrets, in any way to write it."""
    if host.rstrip(".").lower() in _METADATA:
        return True
    address = _address(host)
    return address is not None and any(address in network for network in _LINK_LOCAL)


def _address(host: str) -> _Address | None:
    """Return the address that *host* is, also written as one number, in octal or inside an IPv6 one."""
    text = host.strip("[]").partition("%")[0]
    try:
        address: _Address = ipaddress.ip_address(text)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(text.rstrip(".")))  # as the system reads numbers
        except (OSError, ValueError, UnicodeError):
            return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & _LOW_BITS)
        teredo = address.teredo[1] if address.teredo else None
        return address.ipv4_mapped or address.sixtofour or teredo or address
    return address


def _host_of(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii", "replace").lower().strip("[]").rstrip(".")


def _entry(text: str) -> tuple[str, int | None]:
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no host", hint="write api.example.com, *.example.com or 10.0.0.7:8080")
    return match["host"].lower().strip("[]").rstrip("."), int(match["port"]) if match["port"] else None


def _covers(entry: tuple[str, int | None], host: str, port: int) -> bool:
    from fnmatch import fnmatchcase

    pattern, wanted = entry
    return fnmatchcase(host, pattern) and wanted in (None, port)


class _Sending(threading.local):
    """Whether the request that this thread sends may go to the machine's own network."""

    permitted = False


_sending = _Sending()


def sending(*, permitted: bool) -> None:
    """Say whether the request that this thread sends next names an address of the machine's own network."""
    _sending.permitted = permitted


def guard(client: httpx.Client) -> None:
    """Let *client* send nothing to a name that was looked up and leads to the machine's own network."""
    # httpx has no name for the network below its pools, which httpcore takes as an argument
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore.ConnectionPool):
            pool._network_backend = _Guarded(pool._network_backend)  # noqa: SLF001


class _Guarded(httpcore.NetworkBackend):
    """Looks at the address that a connection has come to, before anything is sent over it."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, *args, **options)
        address = stream.get_extra_info("server_addr")
        if address and not _sending.permitted and is_own_network(str(address[0])):
            stream.close()
            raise RefusedAddressError(f"{host} leads to {address[0]}: {_OWN_NETWORK[0]}")
        return stream

    def connect_unix_socket(self, *args: Any, **options: Any) -> httpcore.NetworkStream:
        return self._inner.connect_unix_socket(*args, **options)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)
