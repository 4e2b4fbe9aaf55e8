"""Network errors in people's words."""

from __future__ import annotations

import ssl

import httpx
import pytest

from syncrun.http.failures import Failure, explain


def caused(error: httpx.TransportError, cause: BaseException) -> httpx.TransportError:
    error.__cause__ = cause
    return error


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectTimeout("x"), Failure("no connection within 2.5 s", sent=False)),
        (httpx.PoolTimeout("x"), Failure("no free connection", sent=False)),
        (httpx.ReadTimeout("x"), Failure("no answer within 2.5 s")),
        (httpx.WriteTimeout("x"), Failure("no answer within 2.5 s")),
        (httpx.ReadError("x"), Failure("connection reset")),
        (httpx.WriteError("x"), Failure("connection reset")),
        (httpx.ConnectError("x"), Failure("no connection", sent=False)),
        (
            httpx.ProxyError("407 with a password"),
            Failure("the proxy refuses", sent=False, hint="see HTTPS_PROXY and NO_PROXY in the environment"),
        ),
        (
            httpx.LocalProtocolError("Illegal header value b'Bearer hunter22'"),
            Failure("the request is no valid HTTP", temporary=False, sent=False),
        ),
        (
            caused(httpx.ConnectError("x"), untrusted()),
            Failure(
                "the TLS certificate is not trusted (self-signed certificate)",
                temporary=False,
                sent=False,
                hint="set SSL_CERT_FILE to the file of your own certificate authority",
            ),
        ),
        (
            caused(httpx.ConnectError("x"), ConnectionResetError(104, "reset")),
            Failure("connection reset", sent=False),
        ),
    ],
)
def test_what_went_wrong_is_named(error: httpx.TransportError, failure: Failure) -> None:
    assert explain(error, 2.5) == failure
