"""Where requests may go, and where they may not (R19, R25)."""

from __future__ import annotations

import httpx
import pytest

from syncrun.http.reach import Reach, RefusedAddressError, is_own_network
from tests.lab import ITEMS, Lab

ADDRESSES = [
    "169.254.169.254",
    "169.254.0.1",
    "2852039166",  # one number
    "0xa9fea9fe",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "metadata.google.internal",
    "METADATA.google.internal.",
]


@pytest.mark.parametrize("host", ADDRESSES)
def test_r25_addresses_that_only_the_machine_sees_are_refused_however_they_are_written(host: str) -> None:
    assert is_own_network(host)
    assert is_own_network("0251.0376.0251.0376")  # octal, which is no URL for httpx
    assert Reach().refusal(httpx.URL(f"http://{host}/latest/meta-data"))[0].startswith("this address belongs")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "api.example.com", "10.0.0.7", "[::1]", "192.168.1.1", "17.example.com"],
)
def test_other_addresses_are_asked(host: str) -> None:
    assert Reach().refusal(httpx.URL(f"http://{host}/")) == ("", "")


def test_r25_an_address_that_is_named_exactly_is_asked() -> None:
    url = httpx.URL("http://169.254.169.254/x")
    assert Reach(named=["http://169.254.169.254"]).refusal(url) == ("", "")
    assert Reach(["169.254.169.254:80"]).refusal(url) == ("", "")
    assert Reach(["*"]).refusal(url)[0] != ""
    assert Reach(named=["*.169.254"]).refusal(url)[0] != ""


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("api.example.com", "https://api.example.com/x", True),
        ("api.example.com", "https://API.example.com:8443/x", True),
        ("api.example.com:443", "https://api.example.com/x", True),
        ("api.example.com:443", "https://api.example.com:8443/x", False),
        ("*.example.com", "https://api.example.com/x", True),
        ("*.example.com", "https://example.com/x", False),
        ("*.example.com", "https://api.example.com.evil.test/x", False),
        ("10.0.0.*", "http://10.0.0.7/x", True),
        ("[::1]:80", "http://[::1]/x", True),
    ],
)
def test_restrict_hosts_names_hosts_patterns_and_ports(entry: str, url: str, allowed: bool) -> None:
    assert (Reach([entry]).refusal(httpx.URL(url)) == ("", "")) is allowed


def test_r25_a_metadata_address_ends_a_run_before_anything_is_sent(lab: Lab) -> None:
    lab.write(
        "connector: lab\nbase_url: http://2852039166\nallow_http: true\n" + ITEMS.replace("\n    ", "\n")
    )
    report = lab.run()
    assert report.status == "failed"
    assert report.message == (
        "GET http://2852039166/items: this address belongs to the machine's own network, where cloud machines"
        " tell their credentials"
    )
    assert lab.requests == []


def test_r25_a_name_that_leads_to_the_machines_own_network_is_refused_before_anything_is_sent() -> None:
    import httpcore

    from syncrun.http.reach import _Guarded, sending

    class Network(httpcore.MockBackend):
        def connect_tcp(
            self, host: str, port: int, *args: object, **options: object
        ) -> httpcore.NetworkStream:
            stream = super().connect_tcp(host, port)
            stream.get_extra_info = lambda _name: ("169.254.169.254", 80)  # type: ignore[method-assign]
            return stream

    guarded = _Guarded(Network([]))
    with pytest.raises(RefusedAddressError, match=r"evil\.test leads to 169\.254\.169\.254"):
        guarded.connect_tcp("evil.test", 80)
    sending(permitted=True)
    guarded.connect_tcp("evil.test", 80)
    sending(permitted=False)


def test_r25_a_client_looks_at_the_address_that_it_has_reached() -> None:
    from syncrun.http.connections import open_connections
    from syncrun.http.reach import _Guarded

    with open_connections(None, verify=True, timeout=1) as client:
        backend = client._transport._pool._network_backend  # type: ignore[attr-defined]
        layers = [backend]
        while hasattr(layers[-1], "_inner"):
            layers.append(layers[-1]._inner)
    assert any(isinstance(layer, _Guarded) for layer in layers)
