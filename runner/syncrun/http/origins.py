"""Which servers may see credentials, and what a redirect does to a request (R19, R25); pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from enum import Enum

import httpx
from msgspec import Struct

from syncrun.errors import UsageError

MAX_REDIRECTS = 10
redirect_statuses = frozenset({301, 302, 303, 307, 308})

_PORTS = {"http": 80, "https": 443}
_ENTRY = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<any>\*\.)?(?P<host>[^/:*\[\]]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d+))?/?"
)


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine, where plain http meets nobody on its way."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Trust(Enum):
    """What a server may see."""

    HOME = "credentials"
    EXPOSED = "nothing secret, because others on the network can read along"
    FOREIGN = "neither credentials nor the connector's headers"


class Origin(Struct, frozen=True):
    """Scheme, host and port of a server; *subdomains* means every host below *host* instead of itself."""

    scheme: str
    host: str
    port: int
    subdomains: bool = False

    @classmethod
    def of(cls, url: httpx.URL) -> Origin:
        """Return the origin of *url*, parsed by what also sends it: two parsers could disagree."""
        return cls(url.scheme, url.raw_host.decode("ascii").lower(), url.port or _PORTS.get(url.scheme, 0))

    def covers(self, other: Origin) -> bool:
        """Whether *other* is this server."""
        if (self.scheme, self.port) != (other.scheme, other.port):
            return False
        return other.host.endswith(f".{self.host}") if self.subdomains else other.host == self.host

    @property
    def exposed(self) -> bool:
        """Whether others on the network can read what is sent."""
        return self.scheme == "http" and not is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + (
            "" if self.port == _PORTS.get(self.scheme) else f":{self.port}"
        )


class Origins:
    """The servers that a connection asks, and those that may see its credentials."""

    def __init__(
        self,
        base_url: str,
        allow_hosts: Iterable[str] = (),
        *,
        bare_hosts: Iterable[str] = (),
        allow_http: bool = False,
    ) -> None:
        """Trust the origin of *base_url* and *allow_hosts* (`host`, `host:port`, `*.host`, `https://host`).

        A host without a scheme is trusted over https, and over http where that is safe or *allow_http* says
        so. *bare_hosts* are asked too, but see no credentials. Raise UsageError for a text that names no
        server.
        """
        base = httpx.URL(base_url)
        self._allow_http = allow_http
        self._trusted = [Origin.of(base)]
        if base.scheme == "http" and self._trusted[0].port == _PORTS["http"]:
            # A server that sends its clients on to https is still that server.
            self._trusted.append(Origin("https", self._trusted[0].host, _PORTS["https"]))
        for entry in allow_hosts:
            self._trusted += _parse_entry(entry)
        self._bare = [origin for entry in bare_hosts for origin in _parse_entry(entry)]

    def knows(self, origin: Origin) -> bool:
        """Whether a link or a redirect to *origin* is followed."""
        return any(known.covers(origin) for known in (*self._trusted, *self._bare))

    def judge(self, origin: Origin) -> Trust:
        """Return what *origin* may see."""
        if any(trusted.covers(origin) for trusted in self._trusted):
            home = True
        else:
            # The host of an https origin, now over plain http: a downgrade, not another server.
            home = origin.exposed and any(
                trusted.covers(Origin(trusted.scheme, origin.host, trusted.port)) for trusted in self._trusted
            )
        if not home:
            return Trust.FOREIGN
        return Trust.EXPOSED if origin.exposed and not self._allow_http else Trust.HOME


def redirected_method(status: int, method: str) -> tuple[str, bool]:
    """Return the method after a redirect and whether the body goes along (RFC 9110 §15.4)."""
    if status == httpx.codes.SEE_OTHER:
        return ("HEAD" if method == "HEAD" else "GET"), False
    if status in (httpx.codes.MOVED_PERMANENTLY, httpx.codes.FOUND) and method == "POST":
        return "GET", False
    return method, True


def _parse_entry(entry: str) -> list[Origin]:
    match = _ENTRY.fullmatch(entry.strip())
    if match is None:
        raise UsageError(
            f"{entry!r} in allow_hosts is no host", hint="write api.example.com or *.example.com"
        )
    host = httpx.URL(f"https://{match['host']}").raw_host.decode("ascii").lower()
    schemes = (match["scheme"],) if match["scheme"] else ("https", "http")
    return [
        Origin(scheme, host, int(match["port"] or _PORTS[scheme]), subdomains=bool(match["any"]))
        for scheme in schemes
    ]
