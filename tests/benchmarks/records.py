"""Contact-like records of about 1 KB, in pages that are serialised once and only numbered afterwards.

There are as many pages as asked for, in memory that does not grow: a few templates, in which the digits of
the page's number are put. In the state `changed` 1 % of the records differ from `base`, 0.5 % are gone and
0.5 % are new.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import orjson

State = Literal["base", "changed"]

PAGE = 500
CHANGED_OF_PAGE = (7, 107, 207, 307, 407)
SMALL = 20
GROUPS = 500
_TEMPLATES = 20
_NUMBER = b"@@@@@@"  # stands for the six digits of the page's number
_FIRST = ("Ada", "Björn", "Chloé", "Dmitri", "Emre", "Fatima", "Grace", "Hiro")
_LAST = ("Okafor", "Lindström", "García", "Nguyen", "O'Brien", "Schmidt", "Tanaka")
_CITIES = (("Lyon", "FR"), ("Osaka", "JP"), ("Austin", "US"), ("Leeds", "GB"), ("Kraków", "PL"))
_NOTE = "Met at the conference; asked for a quote, prefers to be called in the morning. " * 2


def page(number: int, state: State) -> bytes:
    """Return the records of a page as the inside of a JSON list."""
    return _joined(number % _TEMPLATES, state).replace(_NUMBER, b"%06d" % number)


def changed_page(number: int) -> bytes:
    """Return a page of the list of the records that are changed."""
    per_page = len(CHANGED_OF_PAGE)
    pages = range(number * PAGE // per_page, (number + 1) * PAGE // per_page)
    return b",".join(_joined_changes(n % _TEMPLATES).replace(_NUMBER, b"%06d" % n) for n in pages)


def gone_of(number: int) -> int:
    """Return how many records of a page are gone in the changed state; as many are new."""
    return 2 + number % 2


def small_page(number: int) -> bytes:
    """Return a page of few records."""
    records = (_encoded(0, index, "base") for index in range(SMALL))
    return b",".join(records).replace(_NUMBER, b"%06d" % number)


@cache
def _joined(template: int, state: State) -> bytes:
    gone = range(50, 50 + gone_of(template)) if state == "changed" else ()
    kept = [index for index in range(PAGE) if index not in gone]
    added = range(PAGE, PAGE + len(gone))
    return b",".join(_encoded(template, index, state) for index in (*kept, *added))


@cache
def _joined_changes(template: int) -> bytes:
    return b",".join(_encoded(template, index, "changed") for index in CHANGED_OF_PAGE)


def _encoded(template: int, index: int, state: State) -> bytes:
    return orjson.dumps(_contact(template, index, changed=state == "changed" and index in CHANGED_OF_PAGE))


def _contact(template: int, index: int, *, changed: bool) -> dict[str, Any]:
    seed = template * 7919 + index * 104729
    first, last = _FIRST[seed % len(_FIRST)], _LAST[seed % len(_LAST)]
    city, country = _CITIES[seed % len(_CITIES)]
    day = f"2024-{seed % 5 + 1:02}-{seed % 28 + 1:02}"
    number = orjson.Fragment(b"1%s%03d" % (_NUMBER, index))
    return {
        "id": number,
        "object": "contact",
        "created_at": f"2023-{seed % 12 + 1:02}-{seed % 28 + 1:02}T08:15:30Z",
        "updated_at": "2024-07-01T09:30:00Z" if changed else f"{day}T17:45:12.5Z",
        "archived": seed % 9 == 0,
        "properties": {
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}.{seed}@example.com".lower(),
            "phone": None if seed % 10 == 0 else f"+49 30 {seed % 10_000_000}",
            "job_title": "Head of Procurement" if changed else "Buyer",
            "lifecycle_stage": ("lead", "customer", "evangelist")[seed % 3],
            "lead_score": seed % 101,
            "annual_revenue": None if seed % 7 == 0 else round(seed * 1.37, 2),
            "last_seen_at": f"{day}T06:05:04Z",
            "notes": _NOTE,
        },
        "company": {
            "id": 5000 + seed % 977,
            "name": f"{last} & Söhne GmbH",
            "domain": f"{last.lower()}.example",
            "industry": ("Manufacturing", "Retail", "Logistics")[seed % 3],
            "employees": seed % 4000,
            "address": {
                "street": f"{seed % 200} Harbour Road",
                "city": city,
                "country": country,
                "location": {"lat": round(seed % 180 - 90 + 0.1234, 4), "lng": round(seed % 360 - 179.4, 4)},
            },
        },
        "owner": {"id": 40 + seed % 12, "email": f"owner{seed % 12}@example.com"},
        "tags": ["newsletter", f"segment-{seed % 17}", "2024"],
        "consent": {"marketing": seed % 2 == 0, "updated_at": f"{day}T00:00:00Z"},
        "source": {"channel": ("web", "event", "partner")[seed % 3], "referrer": "https://www.example.com/"},
    }
