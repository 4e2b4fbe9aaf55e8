"""Requests signed here: JSON Web Tokens, AWS Signature Version 4, digests; each checked by other software."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from syncrun.auth.sigv4 import SigV4, SigV4Key
from syncrun.errors import CredentialError, RequestError, UsageError
from syncrun.http.messages import Request
from tests.kinds.auth_bench import Bench, load

ITEMS = Request("GET", "https://api.test/items", {"page": 2})
SECRET = "hunter22-hunter22-hunter22"
ALGORITHMS = {
    "HS256": "oct",
    "HS384": "oct",
    "HS512": "oct",
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
}


def key_of(kind: str) -> Any:
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

    if kind == "oct":
        return OctKey.import_key(SECRET)
    if kind == "RSA":
        return RSAKey.generate_key(2048)
    return OKPKey.generate_key(kind) if kind == "Ed25519" else ECKey.generate_key(kind)


# ── jwt ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(("algorithm", "kind"), ALGORITHMS.items())
def test_every_algorithm_is_verified_by_another_library(algorithm: str, kind: str) -> None:
    from joserfc import jwt

    key = key_of(kind)
    place = Bench({"key": SECRET if kind == "oct" else key.as_pem(private=True).decode()})
    claims = {"iss": "me", "sub": "${config.missing}", "n": 1}
    sample = {"type": "jwt", "algorithm": algorithm, "key": "${config.key}", "key_id": "k1", "claims": claims}
    place.client(sample).send(ITEMS)

    token = place.requests[0].headers["authorization"].removeprefix("Bearer ")
    found = jwt.decode(token, key, algorithms=[algorithm])
    assert found.header == {"typ": "JWT", "kid": "k1", "alg": algorithm}
    assert found.claims == {"iat": 1_700_000_000, "exp": 1_700_000_300, "iss": "me", "n": 1}
    assert place.redactor.exposes(token)


def test_a_jwt_is_signed_anew_when_half_of_its_life_has_passed() -> None:
    place = Bench({"key": SECRET})
    client = place.client({"type": "jwt", "algorithm": "HS256", "key": "${config.key}", "lifetime": "100s"})
    for _ in range(4):
        client.send(ITEMS)
        place.time += 20

    tokens = [request.headers["authorization"] for request in place.requests]
    assert [tokens.index(token) for token in tokens] == [0, 0, 0, 3]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "authorization: Bearer "),
        ({"prefix": "Ghost "}, "authorization: Ghost "),
        ({"name": "X-Jwt"}, "x-jwt: "),
        ({"in": "query", "name": "jwt"}, "?jwt="),
        ({"in": "cookie", "name": "jwt"}, "cookie: jwt="),
    ],
)
def test_a_jwt_goes_where_it_belongs(given: dict[str, str], place: str) -> None:
    bench = Bench({"key": SECRET.encode().hex()})
    sample = {"type": "jwt", "algorithm": "HS256", "key": "${config.key}", "key_encoding": "hex", **given}
    bench.client(sample).send(Request("GET", "https://api.test/"))

    (request,) = bench.requests
    shown = f"?{request.url.query.decode()}\n" + "\n".join(f"{n}: {v}" for n, v in request.headers.items())
    assert f"{place}eyJ" in shown


def test_a_key_in_pem_may_stand_in_one_line() -> None:
    pem = key_of("P-256").as_pem(private=True).decode()
    place = Bench({"key": pem.replace("\n", "\\n")})
    place.client({"type": "jwt", "algorithm": "ES256", "key": "${config.key}"}).send(ITEMS)

    assert place.requests[0].headers["authorization"].startswith("Bearer eyJ")


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        (SECRET, {}, "the key of jwt auth cannot sign with ES256"),
        ("RSA", {}, "the key of jwt auth cannot sign with ES256"),
        ("P-384", {}, "the key of jwt auth cannot sign with ES256"),
        ("P-256", {"algorithm": "RS256"}, "the key of jwt auth cannot sign with RS256"),
        ("P-256", {"algorithm": "EdDSA"}, "the key of jwt auth cannot sign with EdDSA"),
        (SECRET, {"algorithm": "HS256", "key_encoding": "hex"}, "the key of jwt auth is no hex text"),
        (
            SECRET + "!",
            {"algorithm": "HS256", "key_encoding": "base64"},
            "the key of jwt auth is no base64 text",
        ),
    ],
)
def test_r23_a_key_that_cannot_sign_is_refused_without_showing_it(
    key: str, change: dict[str, str], message: str
) -> None:
    value = key_of(key).as_pem(private=True).decode() if key in ("RSA", "P-256", "P-384") else key
    place = Bench({"key": value})

    with pytest.raises(UsageError) as caught:
        place.client({"type": "jwt", "algorithm": "ES256", "key": "${config.key}", **change})

    assert caught.value.message == message
    assert caught.value.hint.startswith("it comes from the config value key of the connection")
    assert value[:20] not in str(caught.value)


# ── aws_sigv4 ─────────────────────────────────────────────────────────────────────────────────────────

MOMENT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
EXAMPLE = SigV4Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")


def signed(key: SigV4Key, request: httpx.Request) -> httpx.Request:
    return next(SigV4(key, MOMENT.timestamp).sync_auth_flow(request))


@pytest.mark.parametrize(
    ("method", "path", "signature"),
    [
        # GET and POST of the test suite that AWS publishes: host and x-amz-date are signed, the body is empty
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_the_signatures_that_aws_publishes(method: str, path: str, signature: str) -> None:
    request = httpx.Request(method, f"https://example.amazonaws.com{path}")
    for name in ("content-length",):
        request.headers.pop(name, None)

    assert signed(EXAMPLE, request).headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


TARGETS = [
    ("GET", "https://ec2.us-east-1.amazonaws.com/?Action=DescribeRegions&Version=2016-11-15", None),
    (
        "GET",
        "https://x.execute-api.us-east-1.amazonaws.com/a%20b/ü/~x/c+d?q=a%20b&q=A&empty=&x=%2F%3D&z=~",
        None,
    ),
    ("GET", "https://x.execute-api.us-east-1.amazonaws.com/a/./b/../c//d/?a-b=1&a=2&aB=3", None),
    ("POST", "https://dynamodb.us-east-1.amazonaws.com/", b'{"TableName": "things"}'),
    ("PUT", "https://bucket.s3.amazonaws.com/a%20b/c%3Ad//e", b"content"),
    ("GET", "http://127.0.0.1:5000/path?list-type=2&prefix=a%2Fb", None),
]


@pytest.mark.parametrize("token", ["", "session-token-of-sts"])
@pytest.mark.parametrize(("method", "url", "body"), TARGETS)
def test_botocore_computes_the_same_signature(
    method: str, url: str, body: bytes | None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    service = "s3" if "s3" in url else "execute-api"
    key = SigV4Key(EXAMPLE.access_key_id, EXAMPLE.secret, "us-east-1", service, token)
    headers = {"Content-Type": "application/json", "X-Amz-Target": "List  Things", "Accept": "*/*"}
    ours = signed(key, httpx.Request(method, url, headers=headers, content=body))

    monkeypatch.setattr(auth, "get_current_datetime", lambda **_: MOMENT, raising=False)
    their_headers = dict(headers.items())
    their_headers["Host"] = ours.headers["host"]
    request = AWSRequest(method, str(ours.url), headers=their_headers, data=body or b"")
    signer = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    signer(Credentials(key.access_key_id, key.secret, token or None), service, "us-east-1").add_auth(request)

    assert ours.headers["authorization"] == request.headers["Authorization"]


def test_each_attempt_is_signed_anew() -> None:
    place = Bench({"secret": SECRET})
    answers = iter([httpx.Response(503), httpx.Response(200, json=[])])
    place.answer = lambda _request: next(answers)
    sample = {
        "type": "aws_sigv4",
        "service": "s3",
        "region": "eu-central-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "${config.secret}",
        "session_token": "${config.missing}",
    }
    place.client(sample).send(ITEMS)

    first, second = (request.headers for request in place.requests)
    assert (first["x-amz-date"], second["x-amz-date"]) == ("20231114T221320Z", "20231114T221321Z")
    assert first["authorization"] != second["authorization"]
    assert "x-amz-security-token" not in first
    assert SECRET not in str(first.raw)


# ── digest ────────────────────────────────────────────────────────────────────────────────────────────

DIGEST = {"type": "digest", "username": "${config.user}", "password": "${config.password}"}


class DigestServer:
    """Checks digests as RFC 7616 describes, and never takes a count twice."""

    def __init__(self, algorithm: str = "SHA-256", qop: str = 'qop="auth", ') -> None:
        self.algorithm, self.qop = algorithm, qop
        self.nonce = 1
        self.counts: set[tuple[str, str]] = set()
        self.answers: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = 200 if self.accepts(request) else 401
        self.answers.append(status)
        challenge = (
            f'Digest realm="api", {self.qop}algorithm={self.algorithm}, nonce="n{self.nonce}", opaque="o"'
        )
        return httpx.Response(
            status, json=[], headers={} if status == 200 else {"WWW-Authenticate": challenge}
        )

    def accepts(self, request: httpx.Request) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("authorization", "")))
        if given.get("nonce") != f"n{self.nonce}":
            return False
        count = (given["nonce"], given.get("nc", ""))
        if self.qop and count in self.counts:
            return False
        self.counts.add(count)
        make = hashlib.sha256 if self.algorithm == "SHA-256" else hashlib.md5

        def digest(*parts: str) -> str:
            return make(":".join(parts).encode()).hexdigest()

        middle = (given["nc"], given["cnonce"], "auth") if self.qop else ()
        ha1 = digest("me", "api", SECRET)
        ha2 = digest(request.method, request.url.raw_path.decode())
        return given["response"] == digest(ha1, given["nonce"], *middle, ha2)


@pytest.mark.parametrize(
    ("algorithm", "qop"), [("SHA-256", 'qop="auth", '), ("MD5", 'qop="auth,auth-int", '), ("MD5", "")]
)
def test_a_challenge_is_answered_once_and_then_reused(algorithm: str, qop: str) -> None:
    server = DigestServer(algorithm, qop)
    client = Bench({"user": "me", "password": SECRET}, server).client(DIGEST)

    for _ in range(3):
        client.send(ITEMS)
    server.nonce += 1
    client.send(ITEMS)

    assert server.answers == [401, 200, 200, 200, 401, 200]


def test_a_wrong_password_is_refused_once() -> None:
    server = DigestServer()
    with pytest.raises(RequestError, match=r"GET https://api.test/items\?page=2: 401"):
        Bench({"user": "me", "password": "wrong-password"}, server).client(DIGEST).send(ITEMS)

    assert server.answers == [401, 401]


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="x"',
        'Digest realm="x", nonce="n", qop="auth-int"',
        'Digest realm="x", nonce="n", algorithm=X',
        "Digest",
    ],
)
def test_a_challenge_that_cannot_be_answered_is_one_clear_message(challenge: str) -> None:
    answer = httpx.Response(401, headers={"WWW-Authenticate": challenge})
    client = Bench({"user": "me", "password": SECRET}, lambda _request: answer).client(DIGEST)

    with pytest.raises((CredentialError, RequestError)) as caught:
        client.send(ITEMS)

    assert str(caught.value) in (
        (
            "the server of acme asks for a digest of a kind that cannot be given\n"
            "  hint: it must offer qop auth, and MD5 or SHA"
        ),
        "GET https://api.test/items?page=2: 401\n  hint: check the credentials of this connection",
    )
    assert load(DIGEST)


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("ec2.eu-central-1.amazonaws.com", "eu-central-1/ec2"),
        ("a1b2.execute-api.us-gov-west-1.amazonaws.com", "us-gov-west-1/execute-api"),
        ("bucket.s3.ap-southeast-2.amazonaws.com", "ap-southeast-2/s3"),
        ("iam.amazonaws.com", "us-east-1/iam"),
    ],
)
def test_a_host_of_aws_tells_service_and_region(host: str, scope: str) -> None:
    key = SigV4Key(EXAMPLE.access_key_id, EXAMPLE.secret, "", "")
    request = signed(key, httpx.Request("GET", f"https://{host}/"))
    assert f"/{scope}/aws4_request" in request.headers["Authorization"]


def test_another_host_needs_them_under_auth() -> None:
    with pytest.raises(CredentialError) as caught:
        signed(SigV4Key("AKID", "secret", "us-east-1", ""), httpx.Request("GET", "https://api.test/"))
    assert caught.value.message == "the host api.test does not say which AWS service and region it is"
    assert caught.value.hint == "give service and region under auth"
