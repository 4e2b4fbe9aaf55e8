"""How servers are checked: with the certificates that the environment names, read when the first is needed."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncrun.errors import UsageError
from syncrun.http import connections
from syncrun.http.connections import kept_open, open_connections


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def write_certificate(file: Path) -> None:
    """A key and a certificate for this machine that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def certificate(tmp_path: Path) -> Iterator[Path]:
    write_certificate(tmp_path / "server.pem")
    connections._trusted.cache_clear()
    yield tmp_path / "server.pem"
    connections._trusted.cache_clear()


@pytest.fixture
def server(certificate: Path) -> Iterator[str]:
    """The address of a server that has the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(("127.0.0.1", 0), Answer) as serving:
        serving.socket = context.wrap_socket(serving.socket, server_side=True)
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{serving.server_port}/"
        finally:
            serving.shutdown()
            thread.join()


def test_r25_a_server_that_the_environment_trusts_is_answered(
    server: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with open_connections(None, verify=True, timeout=5) as client:
        assert client.get(server).status_code == 204


def test_r25_a_server_that_nobody_trusts_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with (
        open_connections(None, verify=True, timeout=5) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(server)


def test_verify_false_takes_any_server(server: str) -> None:
    with open_connections(None, verify=False, timeout=5) as client:
        assert client.get(server).status_code == 204


def test_certificates_are_read_when_a_server_is_to_be_checked(certificate: Path) -> None:
    """Reading them takes longer than many a sync over plain http."""
    with HTTPServer(("127.0.0.1", 0), Answer) as serving:
        thread = threading.Thread(target=serving.handle_request)
        thread.start()
        with open_connections(None, verify=True, timeout=5) as client:
            assert client.get(f"http://127.0.0.1:{serving.server_port}/").status_code == 204
        thread.join()
    assert connections._trusted.cache_info().misses == 0


def test_connections_stay_open_between_those_who_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Keeping(Answer):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.send_header("Set-Cookie", "who=me")
            self.end_headers()
            came.append((self.client_address[1], self.headers["Cookie"]))

    came: list[tuple[int, str | None]] = []
    with HTTPServer(("127.0.0.1", 0), Keeping) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        try:
            with kept_open(), kept_open():
                for _ in range(2):
                    client = open_connections(None, verify=True, timeout=5)
                    assert client.get(f"http://127.0.0.1:{serving.server_port}/").status_code == 200
                    client.close()
                monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
                assert open_connections(None, verify=True, timeout=5) is not client
                assert open_connections(None, verify=False, timeout=5) is not client
            assert client.is_closed
            with open_connections(None, verify=True, timeout=5) as alone:
                assert alone is not client
        finally:
            serving.shutdown()
            thread.join()
    assert came[0] == came[1] == (came[0][0], None)


def test_certificates_that_cannot_be_read_are_an_error(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.parent / "missing.pem"))
    with pytest.raises(UsageError) as caught:
        connections._trusted()
    assert str(caught.value) == "the certificates of SSL_CERT_FILE cannot be read: No such file or directory"
