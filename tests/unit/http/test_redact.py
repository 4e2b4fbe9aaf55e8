"""No secret in any spelling gets past the redactor (R23)."""

from __future__ import annotations

import json
from base64 import b32encode, b64encode, urlsafe_b64encode
from hashlib import sha256
from html import escape
from urllib.parse import quote, quote_plus, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncrun.http.redact import Redactor
from syncrun.secrets import is_credential_name, is_maskable, is_sensitive_name, is_telling

SECRET = 'p@ss w/ö"rd+1&<2>'


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="")
        .replace("%2F", "%2f")
        .replace("%C3%B6", "%c3%b6")
        .lower()
        .replace("p%40", "p%40"),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        json.dumps(json.dumps(SECRET))[3:-3],
        json.dumps(json.dumps(json.dumps(SECRET)))[7:-7],
        str(httpx.URL(f"https://a.example/?q={SECRET}")).partition("=")[2],
        quote(quote(SECRET, safe=""), safe=""),
        SECRET.lower(),
        escape(SECRET),
        escape(escape(SECRET)),
        "".join(f"&#{ord(character)};" if not character.isalnum() else character for character in SECRET),
        b64encode(SECRET.encode()).decode(),
        urlsafe_b64encode(SECRET.encode()).decode(),
        b64encode(f"me@example.com:{SECRET}".encode()).decode(),
        b64encode(f"m:{SECRET}".encode()).decode(),
        b64encode(f"{SECRET}:x".encode()).decode(),
        urlsafe_b64encode(f"ab:{SECRET}:c".encode()).decode(),
    ],
)
def test_r23_every_spelling_of_a_secret_is_masked(spelled: str) -> None:
    assert Redactor([SECRET]).text(f"before {spelled} after") == "before *** after"


@given(
    secret=st.text(min_size=4, max_size=40).filter(lambda text: is_maskable(text.strip())),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
def test_r23_no_secret_survives_in_any_base64_that_contains_it(
    secret: str, before: bytes, after: bytes
) -> None:
    stripped = secret.strip()
    encoded = b64encode(before + stripped.encode("utf-8", "surrogatepass") + after).decode()
    redactor = Redactor([secret])

    if len(stripped.encode("utf-8", "surrogatepass")) >= 6:
        assert redactor.text(f"<{encoded}>") == "<***>"
    assert stripped not in redactor.text(f"x{stripped}y") or stripped in "***"


@pytest.mark.parametrize("secret", ["\\\\server\\share\\", "line one\nline two\t", "🔑key🔑"])
def test_r23_backslashes_line_ends_and_rare_characters_are_masked_too(secret: str) -> None:
    for spelled in (secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3], quote(secret)):
        assert secret.strip() not in Redactor([secret]).text(f"<{spelled}>")
        assert "***" in Redactor([secret]).text(f"<{spelled}>")


def test_a_text_of_nothing_but_quotes_is_looked_through_in_no_time() -> None:
    text = "\\" * 20_000 + "%25" * 10_000 + "&amp;" * 5_000
    assert Redactor(['"\\"&\\% "']).text(text) == text


def test_r23_the_longest_secret_is_masked_first() -> None:
    assert Redactor(["abcd", "abcdefgh", "abcdef"]).text("abcdefgh abcdef abcd") == "*** *** ***"


def test_values_that_are_too_short_to_be_secrets_stay() -> None:
    assert Redactor(["abc", "", "  "]).text("abc") == "abc"


def test_everyday_words_are_not_masked_even_as_passwords() -> None:
    assert Redactor(["admin", "true", "Password"]).text("admin: true, Password") == "admin: true, Password"


@pytest.mark.parametrize("text", ["12345", "-3.5", "2024-05-01", "https://api.example.com/v1", "root", "abc"])
def test_r23_what_says_little_is_no_secret_by_its_place_alone(text: str) -> None:
    assert not is_telling(text)


@pytest.mark.parametrize("text", ["123456", "acct-1", "me@example.com", "https://me:pw@api.example.com"])
def test_r23_what_a_credential_may_look_like_is_one_by_its_place(text: str) -> None:
    assert is_telling(text)


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET.upper(),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        sha256(SECRET.encode()).hexdigest(),
        sha256(SECRET.encode()).hexdigest().upper(),
        b64encode(sha256(SECRET.encode()).digest()).decode().rstrip("="),
        b64encode(f"me:{SECRET}".encode("utf-16-le")).decode(),
        "".join(f"%{octet:02X}" for octet in SECRET.encode()),
        quote(SECRET.encode("latin-1"), safe=""),
        "".join(f"\\u{ord(character):04x}" for character in SECRET),
        "".join(f"\\x{octet:02x}" for octet in SECRET.encode()),
        "".join(f"&#{ord(character)};" for character in SECRET),
        "".join(f"&#x{ord(character):04X};" for character in SECRET),
        b32encode(SECRET.encode()).decode().rstrip("="),
        SECRET.encode().decode("latin-1"),
    ],
)
def test_r23_derived_forms_of_a_secret_are_masked(spelled: str) -> None:
    assert Redactor([SECRET]).text(f"before {spelled} after") == "before *** after"


@pytest.mark.parametrize(
    ("charset", "content_type"),
    [
        ("utf-16", None),
        ("utf-16-le", None),
        ("utf-16-be", None),
        ("utf-16-le", "text/plain; charset=utf-16-le"),
        ("utf-32", None),
        ("latin-1", None),
        ("latin-1", "text/plain; charset=ISO-8859-1"),
        ("cp500", "text/plain; charset=cp500"),
    ],
)
def test_r23_an_excerpt_masks_in_the_charset_of_its_body(charset: str, content_type: str | None) -> None:
    body = f"the key is {SECRET}.".encode(charset)
    shown = Redactor([SECRET]).excerpt(body, content_type=content_type)
    assert shown.lstrip("\ufeff\ufffd") == "the key is ***."


def test_r23_the_secret_that_the_look_at_a_body_cuts_in_two_is_not_shown() -> None:
    for spaces in range(16_384 - 16, 16_384, 3):
        assert "hunter" not in Redactor(["hunter22hunter22"]).excerpt(b" " * spaces + b"hunter22hunter22")


def test_a_secret_that_comes_up_during_the_run_is_masked_from_then_on() -> None:
    redactor = Redactor()
    assert redactor.text("issued-token") == "issued-token"

    redactor.add("issued-token")

    assert redactor.text("got issued-token") == "got ***"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/x?page=3&token=abc", "https://a.example/x?page=3&token=***"),
        ("https://a.example/x?api_key=a%20b&q=1#top", "https://a.example/x?api_key=***&q=1#top"),
        ("https://me:pw@a.example:8443/x", "https://***@a.example:8443/x"),
        ("https://a.example/x?a=me@b.example", "https://a.example/x?a=me@b.example"),
        (
            "https://s3.example/f?X-Amz-Credential=AK%2F1&X-Amz-Signature=ff&X-Amz-Expires=60",
            "https://s3.example/f?X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Expires=60",
        ),
        ("https://a.example/x?key=&flag", "https://a.example/x?key=&flag"),
        ("https://a.example/x?auth%5Btoken%5D=1", "https://a.example/x?auth%5Btoken%5D=***"),
        ("https://a.example/x?page_token=abc&sort_key=id", "https://a.example/x?page_token=abc&sort_key=id"),
        ("https://a.example/hunter22/x?q=hunter22", "https://a.example/***/x?q=***"),
    ],
)
def test_r23_urls_are_shown_without_credentials(url: str, shown: str) -> None:
    assert Redactor(["hunter22"]).url(url) == shown


def test_r23_headers_that_hold_credentials_are_masked_whole() -> None:
    headers = {
        "Authorization": "Bearer abc",
        "proxy-authorization": "Basic x",
        "Cookie": "sid=1",
        "Set-Cookie": "sid=1",
        "X-Api-Key": "k",
        "X-Shopify-Access-Token": "t",
        "Accept": "application/json",
        "X-Note": "has hunter22 in it",
    }

    shown = Redactor(["hunter22"]).headers(headers)

    assert shown == {
        **dict.fromkeys(headers, "***"),
        "Accept": "application/json",
        "X-Note": "has *** in it",
    }


@pytest.mark.parametrize(
    "name", ["pageToken", "next_page_token", "page[token]", "keyword", "monkey", "sync_token"]
)
def test_names_that_only_sound_secret_are_shown(name: str) -> None:
    assert not is_sensitive_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "apikey",
        "x-api-key",
        "client_secret",
        "sig",
        "password",
        "X-Auth",
        "authToken",
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_sensitive_name(name)


def test_an_excerpt_is_one_line_that_is_cut_after_masking() -> None:
    body = b"<html>\n  <b>hunter22</b>\x00\xff" + b" word" * 100

    shown = Redactor(["hunter22"]).excerpt(body, 40)

    assert shown == "<html> <b>***</b>\ufffd\ufffd word word word word…"
    assert "hunter" not in Redactor(["hunter22"]).excerpt(b"x" * 195 + b"hunter22")


def test_long_urls_are_cut_in_messages() -> None:
    shown = Redactor().exchange("get", f"https://a.example/?{urlencode({'q': 'x' * 900})}")

    assert shown.startswith("GET https://a.example/?q=xxx")
    assert len(shown) == 304
    assert shown.endswith("…")


@pytest.mark.parametrize("name", ["key", "project_key", "code", "country_code", "page_token", "name"])
def test_names_of_things_are_no_names_of_credentials(name: str) -> None:
    assert not is_credential_name(name)


@pytest.mark.parametrize(
    "name", ["api_key", "apiKey", "api-key", "access_token", "device_code", "private_key", "password", "pass"]
)
def test_r23_names_of_credentials_are_known_in_answers_that_issue_some(name: str) -> None:
    assert is_credential_name(name)


def test_r23_names_of_users_are_masked_and_open_no_door() -> None:
    redactor = Redactor(["hunter22"], ["me@example.com"])
    assert redactor.text("hunter22 of me@example.com") == "*** of ***"
    assert (redactor.exposes("hunter22"), redactor.exposes("me@example.com")) == (True, False)
