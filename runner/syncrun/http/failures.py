"""Why no answer came, in people's words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that brought no answer.

    *reason* follows the URL in a message. *temporary*: trying again may help. *sent*: the server may have
    seen the request.
    """

    reason: str
    temporary: bool = True
    sent: bool = True
    hint: str = ""


BAD_LOCATION = Failure("redirected to a place that is no valid URL", temporary=False)
BAD_ANSWER = Failure("the answer is no valid HTTP")

_KNOWN: tuple[tuple[type[httpx.TransportError], Failure], ...] = (
    (httpx.PoolTimeout, Failure("no free connection", sent=False)),
    (httpx.ConnectTimeout, Failure("no connection within {timeout:g} s", sent=False)),
    (httpx.TimeoutException, Failure("no answer within {timeout:g} s")),
    (
        httpx.ProxyError,
        Failure("the proxy refuses", sent=False, hint="see HTTPS_PROXY and NO_PROXY in the environment"),
    ),
    (
        httpx.UnsupportedProtocol,
        Failure("no URL that starts with http:// or https://", temporary=False, sent=False),
    ),
    # Its own text may quote a header, and with it a credential.
    (httpx.LocalProtocolError, Failure("the request is no valid HTTP", temporary=False, sent=False)),
)


def explain(error: httpx.TransportError, timeout: float) -> Failure:
    """Return what *error* means; *timeout* is the one in force, in seconds."""
    if isinstance(error, httpx.ConnectError):
        return _explain_connection(error)
    if isinstance(error, httpx.RemoteProtocolError):
        if "location header" in str(error):
            return BAD_LOCATION
        return Failure(_explain_protocol(str(error)))
    for kind, failure in _KNOWN:
        if isinstance(error, kind):
            return replace(failure, reason=failure.reason.format(timeout=timeout))
    return Failure("connection reset")


def _explain_connection(error: httpx.ConnectError) -> Failure:
    reason, hint = "no connection", ""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                reason = f"the TLS certificate is not trusted ({cause.verify_message})"
                hint = "set SSL_CERT_FILE to the file of your own certificate authority"
                return Failure(reason, temporary=False, sent=False, hint=hint)
            case ssl.SSLError():
                reason = f"no TLS connection ({cause.reason or 'handshake failed'})"
                hint = "that port may speak plain http" if cause.reason == "WRONG_VERSION_NUMBER" else ""
            case socket.gaierror():
                reason, hint = "unknown host", "check the spelling of the host and the network"
            case ConnectionRefusedError():
                reason, hint = "connection refused", "nothing listens there: check host and port"
            case ConnectionResetError() | BrokenPipeError():
                reason = "connection reset"
    return Failure(reason, sent=False, hint=hint)


def _explain_protocol(text: str) -> str:
    if "without sending complete message body" in text or "incomplete chunked read" in text:
        return "the answer broke off"
    if "without sending a response" in text:
        return "connection closed without an answer"
    return "the answer is no valid HTTP"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
