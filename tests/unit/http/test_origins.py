"""Which servers may see credentials."""

from __future__ import annotations

import httpx
import pytest

from syncrun.errors import UsageError
from syncrun.http.origins import Origin, Origins, Trust, redirected_method


def judge(url: str, base: str = "https://api.example.com/v1", *hosts: str, allow_http: bool = False) -> Trust:
    return Origins(base, hosts, allow_http=allow_http).judge(Origin.of(httpx.URL(url)))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/other",
        "https://API.EXAMPLE.COM/x",
        "https://api.example.com:443/x",
        "https://user:pw@api.example.com/x",
    ],
)
def test_r19_the_origin_of_base_url_is_home_however_it_is_written(url: str) -> None:
    assert judge(url) is Trust.HOME


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://evil.com/api.example.com",
        "https://api.example.com.evil.com/",
        "https://api.example.com@evil.com/",
        "https://evil.com#@api.example.com",
        "https://evil.com?@api.example.com",
        "https://api.example.com:8443/",
        "https://sub.api.example.com/",
        "https://xapi.example.com/",
        "http://evil.com/",
    ],
)
def test_r19_every_other_origin_is_foreign(url: str) -> None:
    assert judge(url) is Trust.FOREIGN


def test_r19_declared_hosts_are_home_with_their_port_and_scheme() -> None:
    hosts = (
        "files.example.com",
        "up.example.com:8443",
        "*.shop.example.com",
        "https://only.example.com",
        "bücher.de",
    )

    assert judge("https://files.example.com/", "https://a.b", *hosts) is Trust.HOME
    assert judge("https://files.example.com:444/", "https://a.b", *hosts) is Trust.FOREIGN
    assert judge("https://up.example.com:8443/", "https://a.b", *hosts) is Trust.HOME
    assert judge("https://up.example.com/", "https://a.b", *hosts) is Trust.FOREIGN
    assert judge("https://one.shop.example.com/", "https://a.b", *hosts) is Trust.HOME
    assert judge("https://a.b.shop.example.com/", "https://a.b", *hosts) is Trust.HOME
    assert judge("https://shop.example.com/", "https://a.b", *hosts) is Trust.FOREIGN
    assert judge("https://evilshop.example.com/", "https://a.b", *hosts) is Trust.FOREIGN
    assert judge("https://xn--bcher-kva.de/", "https://a.b", *hosts) is Trust.HOME


def test_r25_plain_http_to_the_same_host_is_exposed_unless_allowed() -> None:
    assert judge("http://api.example.com/") is Trust.EXPOSED
    assert judge("http://api.example.com/", "http://api.example.com") is Trust.EXPOSED
    assert judge("http://api.example.com/", "http://api.example.com", allow_http=True) is Trust.HOME
    assert judge("http://files.example.com/", "https://a.b", "files.example.com") is Trust.EXPOSED


@pytest.mark.parametrize("base", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_r25_plain_http_to_this_machine_is_home(base: str) -> None:
    assert judge(f"{base}/x", base) is Trust.HOME
    assert judge(base.replace("8000", "8001"), base) is Trust.FOREIGN


def test_a_server_that_moves_its_clients_to_https_is_still_home() -> None:
    assert judge("https://api.example.com/", "http://api.example.com") is Trust.HOME
    assert judge("https://api.example.com/", "http://api.example.com:8080") is Trust.FOREIGN


@pytest.mark.parametrize(
    "entry", ["", "a b/c", "https://", "ftp://x.example", "x.example/path", "*", "x:port"]
)
def test_an_entry_that_names_no_host_is_refused(entry: str) -> None:
    with pytest.raises(UsageError) as caught:
        Origins("https://a.b", [entry])

    assert str(caught.value) == (
        f"{entry!r} in allow_hosts is no host\n  hint: write api.example.com or *.example.com"
    )


@pytest.mark.parametrize(
    ("status", "method", "after"),
    [
        (301, "GET", ("GET", True)),
        (301, "POST", ("GET", False)),
        (302, "POST", ("GET", False)),
        (302, "PUT", ("PUT", True)),
        (303, "PUT", ("GET", False)),
        (303, "HEAD", ("HEAD", False)),
        (307, "POST", ("POST", True)),
        (308, "POST", ("POST", True)),
    ],
)
def test_a_redirect_changes_the_method_as_the_standard_says(
    status: int, method: str, after: tuple[str, bool]
) -> None:
    assert redirected_method(status, method) == after
