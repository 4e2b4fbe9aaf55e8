"""The App Store Connect connector, against answers of the documented shape."""

from __future__ import annotations

import gzip
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests.connectors.replay import CONNECTORS, Answer, Replay, counts

REPORT = (
    "/salesReports?filter[vendorNumber]=8001&filter[reportType]=SALES&filter[reportSubType]=SUMMARY"
    "&filter[frequency]=DAILY&filter[version]=1_0&filter[reportDate]="
)
NONE = {
    "errors": [{"status": "404", "code": "NOT_FOUND", "title": "There were no sales for the date specified."}]
}


@cache
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    form = serialization.PrivateFormat.PKCS8
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def store(folder: Path, **config: Any) -> Replay:
    return Replay(
        "app_store_connect", folder, issuer="iss-1", key_id="KEY1", private_key=private_key(), **config
    )


def test_each_request_carries_a_token_that_is_signed_here(tmp_path: Path) -> None:
    from joserfc import jws
    from joserfc.jwk import ECKey

    api = store(tmp_path)
    assert counts(api.run("apps", Answer("/apps?limit=200", "apps.1.json"))) == (1, 0, 0, 0)

    token = api.requests[0].headers["authorization"].removeprefix("Bearer ")
    signed = jws.deserialize_compact(token, ECKey.import_key(private_key()), algorithms=["ES256"])
    assert signed.headers()["kid"] == "KEY1"
    assert b'"aud":"appstoreconnect-v1"' in signed.payload


def test_reviews_of_each_app_follow_the_next_link(tmp_path: Path) -> None:
    api = store(tmp_path)
    api.run("apps", Answer("/apps?limit=200", "apps.1.json"))

    report = api.run(
        "reviews",
        Answer("/apps/6001/customerReviews?limit=200&sort=-createdDate", "reviews.1.json"),
        Answer("/apps/6001/customerReviews?cursor=Mg&limit=200&sort=-createdDate", "reviews.2.json"),
    )

    assert counts(report) == (2, 0, 0, 0)
    assert api.rows("SELECT app, rating, title FROM app_store_connect.reviews WHERE id = 'r1'") == [
        {"app": "6001", "rating": 1, "title": "Stars: 1"}
    ]


def test_sales_are_read_day_by_day_and_a_day_without_any_is_no_error(tmp_path: Path) -> None:
    api = store(tmp_path, vendor="8001", start="2024-05-30")
    packed = gzip.compress((CONNECTORS / "app_store_connect" / "sales.1.csv").read_bytes())
    headers = {"Content-Type": "application/a-gzip"}

    report = api.run(
        "sales",
        Answer(f"{REPORT}2024-05-30", NONE, status=404),
        Answer(f"{REPORT}2024-05-31", packed, headers=headers),
        Answer(f"{REPORT}2024-06-01", NONE, status=404),
    )

    assert (report.status, counts(report)) == ("ok", (2, 0, 0, 0))
    assert api.rows(
        "SELECT day::VARCHAR AS day, country, units, proceeds FROM app_store_connect.sales ORDER BY country"
    ) == [
        {"day": "2024-05-31", "country": "DE", "units": Decimal("1.00"), "proceeds": Decimal("1.22")},
        {"day": "2024-05-31", "country": "US", "units": Decimal("3.00"), "proceeds": Decimal("1.40")},
    ]
    # Apple may be late: the three days before the newest record are asked for again
    days = ("2024-05-28", "2024-05-29", "2024-05-30", "2024-05-31", "2024-06-01")
    again = api.run("sales", *(Answer(REPORT + day, NONE, status=404) for day in days))
    assert (again.status, counts(again)) == ("ok", (0, 0, 0, 0))


def test_a_refusal_is_told(tmp_path: Path) -> None:
    refused = {"errors": [{"status": "403", "title": "Forbidden", "detail": "The role does not allow it."}]}

    report = store(tmp_path).run("apps", Answer("/apps?limit=200", refused, status=403))

    assert (report.status, report.message) == (
        "failed",
        "GET https://api.appstoreconnect.apple.com/v1/apps?limit=200: 403: Forbidden: The role does not allow it.",
    )
