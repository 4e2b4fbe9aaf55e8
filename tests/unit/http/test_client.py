"""The client against a server that misbehaves on request."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from syncrun.errors import RequestError, UnknownServerError, UsageError
from syncrun.http.client import Client, Exchange
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.http.retry import RetryPolicy
from tests.api import Answer, Api

Open = Callable[..., Client]


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def log() -> list[Exchange]:
    return []


@pytest.fixture
def client(
    api: Api, waits: list[float], log: list[Exchange], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """Opens clients of *api* that wait for nothing."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    opened: list[Client] = []

    def open_client(**options: Any) -> Client:
        settings = {
            "base_url": api.url,
            "redactor": Redactor(["hunter22"]),
            "sleep": waits.append,
            "random": lambda: 1.0,
            "log": log.append,
            "timeout": 5.0,
        }
        opened.append(Client(**{**settings, **options}))
        return opened[-1]

    yield open_client
    for each in opened:
        each.close()


def get(client: Client, url: str, **parts: Any) -> Response:
    return client.send(Request("GET", url, **parts))


def error_of(send: Callable[[], object]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        send()
    return caught.value


# --- The ordinary way


def test_a_request_arrives_with_its_params_headers_and_body(api: Api, client: Open) -> None:
    api.on("POST /items", status=201, json={"ok": True}, headers={"X-Total": "7"})

    response = client(headers={"X-Version": "2"}).send(
        Request("POST", f"{api.url}/items", params={"page": 1}, headers={"X-Own": "a"}, json={"name": "é"})
    )

    assert (response.status, response.content, response.headers["x-total"]) == (201, b'{"ok": true}', "7")
    assert (response.url, response.attempts) == (f"{api.url}/items?page=1", 1)
    [request] = api.requests
    assert (request.method, request.params, request.json) == ("POST", {"page": "1"}, {"name": "é"})
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert request.headers["user-agent"].startswith("syncrun")
    assert (request.headers["x-version"], request.headers["x-own"]) == ("2", "a")


@pytest.mark.parametrize("how", ["gzip", "deflate", "br", "zstd"])
def test_compressed_answers_are_unpacked(api: Api, client: Open, how: str) -> None:
    api.on("GET /items", json=list(range(1000)), compress=how)

    assert get(client(), f"{api.url}/items").content.endswith(b"998, 999]")


def test_connections_are_used_again(api: Api, client: Open) -> None:
    api.on("GET /items", json=[])
    one = client()

    for _ in range(5):
        get(one, f"{api.url}/items")

    assert (len(api.requests), api.connections) == (5, 1)


def test_threads_share_a_client(api: Api, client: Open) -> None:
    api.on("GET /items", lambda request: Answer(json=request.params))
    one, answers = client(), {}

    def fetch(number: int) -> None:
        answers[number] = get(one, f"{api.url}/items", params={"n": number}).content

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: b'{"n": "%d"}' % number for number in range(20)}


def test_an_empty_answer_has_empty_content(api: Api, client: Open) -> None:
    api.on("GET /items", status=204)

    assert get(client(), f"{api.url}/items").content == b""


def test_cookies_are_not_carried_from_one_request_to_the_next(api: Api, client: Open) -> None:
    api.on("GET /items", json=[], headers={"Set-Cookie": "sid=1; Path=/"})
    one = client()

    get(one, f"{api.url}/items")
    get(one, f"{api.url}/items")

    assert "cookie" not in api.requests[1].headers


# --- Waiting and trying again


def test_r20_a_passing_problem_is_retried_with_doubling_waits(
    api: Api, client: Open, waits: list[float], log: list[Exchange]
) -> None:
    api.on("GET /items", status=503, text="busy", times=3).on("GET /items", json=[1])

    response = get(client(), f"{api.url}/items", params={"page": 3})

    assert (response.content, response.attempts, waits) == (b"[1]", 4, [1.0, 2.0, 4.0])
    assert [(each.status, each.attempt, each.wait, each.received) for each in log] == [
        (503, 1, 1.0, 4),
        (503, 2, 2.0, 4),
        (503, 3, 4.0, 4),
        (200, 4, 0.0, 3),
    ]
    assert {each.url for each in log} == {f"{api.url}/items?page=3"}


def test_r20_retry_after_decides_the_wait(api: Api, client: Open, waits: list[float]) -> None:
    api.on("GET /items", status=429, headers={"Retry-After": "7"})
    api.on("GET /items", status=503, headers={"Retry-After": "Wed, 01 May 2024 12:00:30 GMT"})
    api.on("GET /items", json=[])

    get(client(now=lambda: 1_714_564_800.0), f"{api.url}/items")

    assert waits == [7.0, 30.0]


def test_the_last_answer_is_shown_when_retries_are_used_up(api: Api, client: Open) -> None:
    api.on("GET /items", status=502, text="<html>\n  <h1>Bad   gateway</h1> hunter22</html>")

    error = error_of(lambda: get(client(), f"{api.url}/items", params={"page": 3, "token": "x"}))

    assert str(error) == (
        f"GET {api.url}/items?page=3&token=***: 502 after 6 attempts: <html> <h1>Bad gateway</h1> ***</html>"
    )
    assert (error.status, len(api.requests)) == (502, 6)


def test_a_refusal_is_final_and_says_what_to_check(api: Api, client: Open) -> None:
    api.on("GET /items", status=401, json={"message": "bad token"})

    error = error_of(lambda: get(client(), f"{api.url}/items"))

    assert str(error) == (
        f'GET {api.url}/items: 401: {{"message": "bad token"}}\n'
        "  hint: check the credentials of this connection"
    )
    assert len(api.requests) == 1


def test_a_write_is_sent_once_unless_the_server_did_nothing_with_it(api: Api, client: Open) -> None:
    api.on("POST /broken", status=500).on("POST /busy", status=429).on("POST /busy", status=201, json={})
    api.on("POST /search", status=500).on("POST /search", json=[])
    one = client()

    error = error_of(lambda: one.send(Request("POST", f"{api.url}/broken", json={})))
    one.send(Request("POST", f"{api.url}/busy", json={}))
    one.send(Request("POST", f"{api.url}/search", json={}, retry_safe=True))

    assert str(error) == f"POST {api.url}/broken: 500"
    assert [len(api.asked(path)) for path in ("/broken", "/busy", "/search")] == [1, 2, 2]


def test_r20_every_attempt_is_authenticated_anew(api: Api, client: Open) -> None:
    class Counting(httpx.Auth):
        count = 0

        def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
            self.count += 1
            request.headers["Authorization"] = f"Nonce {self.count}"
            yield request

    api.on("GET /items", status=500, times=2).on("GET /items", json=[])

    get(client(auth=Counting()), f"{api.url}/items")

    assert [request.headers["authorization"] for request in api.requests] == ["Nonce 1", "Nonce 2", "Nonce 3"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"reset": True}, "connection reset"),
        ({"json": [1, 2, 3], "truncate": 4}, "the answer broke off"),
        ({"json": [1, 2, 3], "truncate": 4, "chunked": True}, "the answer broke off"),
        ({"json": list(range(99)), "truncate": 40, "reset": True}, None),
        ({"raw": b""}, "connection closed without an answer"),
        ({"raw": b"SSH-2.0-OpenSSH\r\n\r\n"}, "the answer is no valid HTTP"),
        (
            {"body": b"x" * 99, "headers": {"Content-Encoding": "gzip"}},
            "the compressed answer is damaged",
        ),
    ],
)
def test_answers_that_break_are_retried_and_named(
    api: Api, client: Open, answer: dict[str, Any], reason: str | None
) -> None:
    api.on("GET /items", **answer, times=2).on("GET /items", json=[1])
    api.on("GET /never", **answer)

    assert get(client(), f"{api.url}/items").attempts == 3
    error = error_of(lambda: get(client(), f"{api.url}/never"))

    reasons = [reason] if reason else ["connection reset", "the answer broke off"]
    assert str(error) in [f"GET {api.url}/never: {each} after 6 attempts" for each in reasons]
    assert (error.status, len(api.asked("/never"))) == (None, 6)


def test_a_server_that_says_nothing_is_given_up(api: Api, client: Open) -> None:
    api.on("GET /slow", delay=30)

    error = error_of(lambda: get(client(timeout=0.05, retry=RetryPolicy(attempts=2)), f"{api.url}/slow"))

    assert str(error) == f"GET {api.url}/slow: no answer within 0.05 s after 2 attempts"


def test_a_server_that_drips_is_given_up(api: Api, client: Open) -> None:
    api.on("GET /drip", text="x" * 1000, drip=0.02)

    error = error_of(lambda: get(client(timeout=0.2, retry=RetryPolicy(attempts=1)), f"{api.url}/drip"))

    assert str(error) == f"GET {api.url}/drip: no answer within 0.2 s"


def test_a_closed_port_is_named_and_retried_for_writes_too(client: Open, waits: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    error = error_of(lambda: client(base_url=url).send(Request("POST", f"{url}/x", json={})))

    assert str(error) == (
        f"POST {url}/x: connection refused after 6 attempts\n"
        "  hint: nothing listens there: check host and port"
    )
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_an_unknown_host_is_named(client: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    error = error_of(
        lambda: get(client(retry=RetryPolicy(attempts=1)), "https://api.nowhere.example/x", named=True)
    )

    assert str(error) == (
        "GET https://api.nowhere.example/x: unknown host\n"
        "  hint: check the spelling of the host and the network"
    )


def test_r25_a_server_without_tls_is_no_https_server(api: Api, client: Open) -> None:
    api.on("* *", raw=b"plain text")

    url = api.url.replace("http", "https")
    error = error_of(lambda: get(client(retry=RetryPolicy(attempts=1)), url, named=True))

    assert str(error) == (
        f"GET https://127.0.0.1:{api.port}: no TLS connection (WRONG_VERSION_NUMBER)\n"
        "  hint: that port may speak plain http"
    )


def test_r25_an_answer_beyond_the_limit_is_refused_at_once(api: Api, client: Open) -> None:
    api.on("GET /bomb", body=bytes(3_000_000), compress="gzip")

    error = error_of(lambda: get(client(max_bytes=1 << 20), f"{api.url}/bomb"))

    assert (
        str(error)
        == f"GET {api.url}/bomb: the answer is larger than 1 MiB\n  hint: ask for smaller pages, or write max_answer: 1GB into the connector"
    )
    assert len(api.requests) == 1


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_r25_a_bomb_is_refused_by_its_ratio(api: Api, client: Open, how: str) -> None:
    api.on("GET /bomb", body=bytes(80 << 20), compress=how)

    error = error_of(lambda: get(client(), f"{api.url}/bomb"))

    assert str(error) == f"GET {api.url}/bomb: the compressed answer unpacks to more than 200 times its size"
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.example:port/x", "GET https://a.example:port/x: no valid URL: Invalid port: 'port'"),
        ("/items", "GET /items: no URL that starts with http:// or https://"),
        ("ftp://a.example/x", "GET ftp://a.example/x: no URL that starts with http:// or https://"),
    ],
)
def test_what_is_no_url_is_refused_at_once(client: Open, url: str, message: str) -> None:
    assert str(error_of(lambda: get(client(), url))) == message


def test_a_base_url_that_is_none_is_refused(client: Open) -> None:
    with pytest.raises(UsageError) as caught:
        client(base_url="https://a.example:port")

    assert str(caught.value) == "base_url is no URL: Invalid port: 'port'"


# --- Who gets to see credentials


def bearer(token: str = "hunter22") -> httpx.Auth:
    from syncrun.auth.flows import SecretAuth, signer

    return SecretAuth(signer("header", "Authorization", "Bearer "), token)


def test_a_redirect_is_followed_with_credentials_inside_the_origin(
    api: Api, client: Open, log: list[Exchange]
) -> None:
    api.on("GET /old", redirect="/new?page=2").on("GET /new", json=[1])

    response = get(client(auth=bearer()), f"{api.url}/old", params={"page": 1})

    assert (response.url, response.content) == (f"{api.url}/new?page=2", b"[1]")
    assert [request.headers["authorization"] for request in api.requests] == ["Bearer hunter22"] * 2
    assert [each.status for each in log] == [302, 200]


def test_r19_credentials_never_follow_a_redirect_to_another_origin(api: Api, client: Open) -> None:
    with Api() as other:
        api.on("GET /file", redirect=f"{other.url}/blob")
        other.on("GET /blob", json=[1])
        bare = [f"127.0.0.1:{other.port}"]
        one = client(auth=bearer(), headers={"X-Tenant": "t", "X-Secret-Thing": "s"}, bare_hosts=bare)

        get(one, f"{api.url}/file", headers={"X-Api-Key": "k", "X-Note": "hunter22", "X-Fine": "yes"})

        [request] = other.requests
        assert {"authorization", "x-tenant", "x-secret-thing", "x-api-key", "x-note"}.isdisjoint(
            request.headers
        )
        assert "x-fine" not in request.headers
        assert request.headers["host"] == f"127.0.0.1:{other.port}"
        assert b"hunter22" not in repr(request).encode()


def test_r19_credentials_come_back_when_a_redirect_comes_home(api: Api, client: Open) -> None:
    with Api() as other:
        api.on("GET /a", redirect=f"{other.url}/b").on("GET /c", json=[])
        other.on("GET /b", redirect=f"{api.url}/c")

        get(client(auth=bearer(), bare_hosts=[f"127.0.0.1:{other.port}"]), f"{api.url}/a")

        assert "authorization" not in other.requests[0].headers
        assert api.requests[1].headers["authorization"] == "Bearer hunter22"


def test_r19_a_redirect_to_a_server_that_the_connector_does_not_name_is_not_followed(
    api: Api, client: Open
) -> None:
    with Api() as other:
        api.on("GET /a", redirect=f"{other.url}/b")

        error = error_of(lambda: get(client(auth=bearer()), f"{api.url}/a"))

        assert isinstance(error, UnknownServerError)
        assert error.message == (
            f"GET {other.url}/b: not followed to {other.url}, which is neither the server of base_url nor"
            " one of allow_hosts"
        )
        assert error.hint == (
            f'if it belongs to the API: `allow_hosts: ["{other.url}"]`, or'
            f' `allow_hosts: [{{host: "{other.url}", credentials: false}}]` where it needs no credentials'
        )
        assert other.requests == []


@pytest.mark.parametrize(
    "link",
    [
        "http://localhost:{port}/next",
        "http://127.0.0.1:{other}/next",
        "https://127.0.0.1:{port}/next",
    ],
)
def test_r19_another_name_port_or_scheme_is_another_server(api: Api, client: Open, link: str) -> None:
    url = link.format(port=api.port, other=api.port + 1)

    assert isinstance(error_of(lambda: get(client(), url)), UnknownServerError)
    assert api.requests == []


def test_r19_a_server_that_the_connector_names_is_asked_without_credentials(api: Api, client: Open) -> None:
    from syncrun.auth.flows import SecretAuth, signer

    with Api() as other:
        other.on("GET /next", json=[])
        for auth in (
            bearer(),
            SecretAuth(signer("query", "apikey"), "hunter22"),
            SecretAuth(signer("cookie", "sid"), "hunter22"),
        ):
            get(client(auth=auth, headers={"X-Tenant": "t"}), f"{other.url}/next?page=2", named=True)

        assert len(other.requests) == 3
        for request in other.requests:
            assert request.target == "/next?page=2"
            assert {"authorization", "cookie", "x-tenant"}.isdisjoint(request.headers)


def test_r19_declared_hosts_get_credentials(api: Api, client: Open) -> None:
    with Api() as other:
        other.on("GET /next", json=[])

        get(client(auth=bearer(), allow_hosts=[f"127.0.0.1:{other.port}"]), f"{other.url}/next")

        assert other.requests[0].headers["authorization"] == "Bearer hunter22"


@pytest.mark.parametrize(
    "parts",
    [
        {"params": {"q": "hunter22"}},
        {"method": "POST", "json": {"password": "hunter22"}, "retry_safe": True},
        {"method": "POST", "form": {"password": "hunter22"}},
    ],
)
def test_r19_a_secret_in_the_request_itself_is_not_sent_to_another_origin(
    api: Api, client: Open, parts: dict[str, Any]
) -> None:
    with Api() as other:
        error = error_of(
            lambda: client().send(
                Request(**{"method": "GET", "url": f"{other.url}/x", "named": True, **parts})
            )
        )

        assert error.message.endswith("a secret is not sent to a server other than that of base_url")
        assert error.hint == "if 127.0.0.1 may have it, add it to allow_hosts in the connector"
        assert other.requests == []


def test_r19_neither_body_nor_headers_follow_a_redirect_away(api: Api, client: Open) -> None:
    with Api() as other:
        api.on("POST /login", redirect=f"{other.url}/login", status=307)
        other.on("POST /login", json=[])

        one = client(bare_hosts=[f"127.0.0.1:{other.port}"])
        one.send(Request("POST", f"{api.url}/login", headers={"X-Own": "1"}, json={"p": "hunter22", "q": 1}))

        [request] = other.requests
        assert request.body == b""
        assert {"x-own", "content-type"}.isdisjoint(request.headers)


def test_a_redirect_after_a_post_becomes_a_get_without_body(api: Api, client: Open) -> None:
    api.on("POST /items", redirect="/items/1", status=303).on("GET /items/1", json={"id": 1})

    client().send(Request("POST", f"{api.url}/items", json={"a": 1}))

    assert api.requests[1].body == b""
    assert "content-type" not in api.requests[1].headers


def test_a_redirect_that_keeps_the_method_keeps_the_body(api: Api, client: Open) -> None:
    api.on("POST /items", redirect="/v2/items", status=308).on("POST /v2/items", json={"id": 1})

    client().send(Request("POST", f"{api.url}/items", json={"a": 1}))

    assert api.requests[1].json == {"a": 1}


def test_a_circle_of_redirects_ends(api: Api, client: Open) -> None:
    api.on("GET /a", redirect="/b").on("GET /b", redirect="/a")

    error = error_of(lambda: get(client(), f"{api.url}/a"))

    assert str(error) == f"GET {api.url}/b: more than 10 redirects"
    assert len(api.requests) == 11


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"redirect": "ftp://a.example/x"}, "redirected to a URL with the scheme ftp"),
        ({"redirect": "https://a.example:port/"}, "redirected to a place that is no valid URL"),
        ({"status": 304}, "304\n  hint: this redirect names no place to go to"),
        ({"status": 301, "text": "moved"}, "301: moved\n  hint: this redirect names no place to go to"),
    ],
)
def test_redirects_to_nowhere_are_errors(
    api: Api, client: Open, answer: dict[str, Any], message: str
) -> None:
    api.on("GET /a", **answer)

    assert str(error_of(lambda: get(client(), f"{api.url}/a"))) == f"GET {api.url}/a: {message}"


def recording(seen: list[httpx.Request], *answers: httpx.Response) -> httpx.MockTransport:
    queue = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return queue.pop(0) if queue else httpx.Response(200, json=[])

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("base", ["https://api.example.com", "http://api.example.com"])
def test_r25_credentials_are_not_sent_over_plain_http(client: Open, base: str) -> None:
    seen: list[httpx.Request] = []
    one = client(base_url=base, auth=bearer(), transport=recording(seen))

    error = error_of(lambda: get(one, "http://api.example.com/items", named=True))

    assert str(error) == (
        "GET http://api.example.com/items: credentials are not sent over plain http\n"
        "  hint: use https://, or set allow_http: true in the connector"
    )
    assert seen == []


def test_r25_a_redirect_down_to_plain_http_is_refused(client: Open) -> None:
    seen: list[httpx.Request] = []
    down = httpx.Response(302, headers={"Location": "http://api.example.com/items"})
    one = client(base_url="https://api.example.com", auth=bearer(), transport=recording(seen, down))

    error = error_of(lambda: get(one, "https://api.example.com/items"))

    assert error.message.startswith(
        "GET http://api.example.com/items: not followed to http://api.example.com,"
    )
    assert len(seen) == 1


def test_plain_http_is_fine_when_allowed_or_when_there_is_nothing_to_hide(client: Open) -> None:
    seen: list[httpx.Request] = []
    open_api = client(
        base_url="http://api.example.com", headers={"X-Version": "1"}, transport=recording(seen)
    )
    allowed = client(
        base_url="http://api.example.com", auth=bearer(), allow_http=True, transport=recording(seen)
    )

    get(open_api, "http://api.example.com/items")
    get(allowed, "http://api.example.com/items")

    assert seen[0].headers["x-version"] == "1"
    assert seen[1].headers["authorization"] == "Bearer hunter22"


def test_r23_nothing_that_is_logged_or_raised_holds_a_secret(
    api: Api, client: Open, log: list[Exchange]
) -> None:
    from syncrun.auth.flows import SecretAuth, signer

    api.on("GET /hunter22", status=500, json={"echo": "hunter22"})
    one = client(auth=SecretAuth(signer("query", "u"), "hunter22"))

    error = error_of(lambda: get(one, f"{api.url}/hunter22", params={"x": "hunter22"}))

    assert api.requests[0].params == {"x": "hunter22", "u": "hunter22"}
    assert "hunter22" not in f"{error}{error.__cause__}{log}"
    assert str(error).startswith(f"GET {api.url}/***?x=***: 500 after 6 attempts")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_stands_between_this_machine_and_itself(
    api: Api, client: Open, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    api.on("GET /items", json=[1])

    assert get(client(), f"http://{host}:{api.port}/items", named=True).content == b"[1]"


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        (
            "socks5://me:hunter22@127.0.0.1:1",
            "the proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names is a SOCKS proxy",
        ),
        ("foo://127.0.0.1:1", "the proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names is no valid URL"),
        ("http://[::hunter22", "the proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names is no valid URL"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    client: Open, monkeypatch: pytest.MonkeyPatch, proxy: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError) as caught:
        client()
    assert caught.value.message == message
