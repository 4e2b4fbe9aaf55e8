"""Signs JSON Web Tokens in their compact form (RFC 7515, RFC 7518 §3, RFC 8037)."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

Algorithm = Literal[
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]

_CURVES = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}


class UnfitKeyError(Exception):
    """The key is none, or not one for the algorithm; never holds a part of the key."""


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes, algorithm: Algorithm) -> str:
    """Return the token; *key* is a private key in PEM, for HS… the shared secret. Raise UnfitKeyError."""
    text = f"{_json({**header, 'alg': algorithm})}.{_json(claims)}"
    make = _shared if algorithm.startswith("HS") else _private
    return f"{text}.{_base64(make(text.encode(), key, algorithm))}"


def _shared(text: bytes, key: bytes, algorithm: str) -> bytes:
    return hmac.digest(key, text, f"sha{algorithm[2:]}")


def _private(text: bytes, pem: bytes, algorithm: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key: Any = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnfitKeyError from None
    make = {"R": _rsa, "P": _rsa, "E": _ecdsa}[algorithm[0]] if algorithm != "EdDSA" else _edwards
    return make(text, key, algorithm)


def _digest(algorithm: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    sizes: dict[str, Callable[[], HashAlgorithm]]
    sizes = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
    return sizes[algorithm[2:]]()


def _rsa(text: bytes, key: Any, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    digest = _digest(algorithm)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnfitKeyError
    if algorithm.startswith("RS"):
        return key.sign(text, padding.PKCS1v15(), digest)
    return key.sign(text, padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH), digest)


def _ecdsa(text: bytes, key: Any, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    curve, size = _CURVES[algorithm]
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != curve:
        raise UnfitKeyError
    digest = _digest(algorithm)
    numbers = decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def _edwards(text: bytes, key: Any, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

    del algorithm
    if not isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        raise UnfitKeyError
    return key.sign(text)


def _json(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
