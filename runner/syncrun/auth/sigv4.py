"""Signs requests as AWS asks (Signature Version 4); imported only when requests are about to be sent."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from posixpath import normpath
from urllib.parse import quote, unquote_to_bytes

import httpx

from syncrun.auth.flows import Flow
from syncrun.errors import CredentialError

_ALGORITHM = "AWS4-HMAC-SHA256"
_SPACES = re.compile(r" +")
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]"
_HOST = re.compile(
    rf"(?:.+\.)?(?P<service>(?!{_REGION}\.)[a-z0-9-]+)(?:\.(?P<region>{_REGION}))?\.amazonaws\.com(?:\.cn)?"
)
# Proxies and httpx itself change these on the way.
_UNSIGNED = frozenset(
    {"accept-encoding", "authorization", "connection", "content-length", "transfer-encoding", "user-agent"}
)


@dataclass(frozen=True, slots=True)
class SigV4Key:
    """Whose signature it is, and for which service; an empty region or service is read from the host."""

    access_key_id: str
    secret: str = field(repr=False)
    region: str
    service: str
    session_token: str = field(default="", repr=False)

    def at(self, host: str) -> SigV4Key:
        """Return the key for requests to *host*; raise CredentialError when that does not tell its service.

        Services that have no regions are signed for us-east-1.
        """
        if self.region and self.service:
            return self
        named = _HOST.fullmatch(host.lower())
        if named is None:
            raise CredentialError(
                f"the host {host} does not say which AWS service and region it is",
                hint="give service and region under auth",
            )
        return replace(
            self,
            service=self.service or named["service"],
            region=self.region or named["region"] or "us-east-1",
        )


class SigV4(httpx.Auth):
    """Signs the request as it goes out, body included."""

    requires_request_body = True

    def __init__(self, key: SigV4Key, now: Callable[[], float]) -> None:
        self._key = key
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Add the headers of the signature."""
        key = self._key.at(request.url.raw_host.decode("ascii"))
        moment = datetime.fromtimestamp(self._now(), UTC)
        payload = hashlib.sha256(request.content).hexdigest()
        request.headers["X-Amz-Date"] = f"{moment:%Y%m%dT%H%M%SZ}"
        if key.service == "s3":
            request.headers["X-Amz-Content-SHA256"] = payload
        if key.session_token:
            request.headers["X-Amz-Security-Token"] = key.session_token
        request.headers["Authorization"] = authorization(
            key,
            moment,
            method=request.method,
            url=request.url,
            headers=_signed_headers(request),
            payload=payload,
        )
        yield request


def _signed_headers(request: httpx.Request) -> dict[str, str]:
    """Return the headers to sign, by lower-case name; several of one name are joined."""
    names = {name.lower() for name in request.headers} - _UNSIGNED
    return {
        name: ",".join(_SPACES.sub(" ", value.strip()) for value in request.headers.get_list(name))
        for name in sorted(names)
    }


def authorization(
    key: SigV4Key,
    moment: datetime,
    *,
    method: str,
    url: httpx.URL,
    headers: Mapping[str, str],
    payload: str,
) -> str:
    """Return the Authorization header; *headers* are those to sign, *payload* the body's SHA-256 in hex."""
    signed = ";".join(headers)
    request = "\n".join(
        [
            method,
            canonical_path(url, key.service),
            canonical_query(url.query.decode("ascii")),
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            signed,
            payload,
        ]
    )
    scope = f"{moment:%Y%m%d}/{key.region}/{key.service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join([_ALGORITHM, f"{moment:%Y%m%dT%H%M%SZ}", scope, digest])
    signature = hmac.new(_signing_key(key, moment), text.encode(), "sha256").hexdigest()
    credential = f"{key.access_key_id}/{scope}"
    return f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={signature}"


def canonical_path(url: httpx.URL, service: str) -> str:
    """Return the path as it is signed: S3 takes it as it is sent, others resolved and quoted again."""
    sent = url.raw_path.partition(b"?")[0].decode("ascii") or "/"
    if service == "s3":
        return quote(unquote_to_bytes(sent), safe="/-_.~")
    resolved = normpath(sent).replace("//", "/")
    if sent.endswith("/") and resolved != "/":
        resolved += "/"
    return quote(resolved, safe="/-_.~")


def canonical_query(query: str) -> str:
    """Return the query as it is signed: each name and value quoted once, in order."""
    pairs = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        pairs.append(tuple(quote(unquote_to_bytes(part), safe="-_.~") for part in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _signing_key(key: SigV4Key, moment: datetime) -> bytes:
    derived = f"AWS4{key.secret}".encode()
    for part in (f"{moment:%Y%m%d}", key.region, key.service, "aws4_request"):
        derived = hmac.new(derived, part.encode(), "sha256").digest()
    return derived
