"""Where links lead that an answer names: the one place that reads such texts, which may be anything (R26)."""

from __future__ import annotations

from urllib.parse import urljoin


def resolve(base: str, link: str) -> str | None:
    """Return *link* as an absolute URL, relative to *base*; None when it is none of http or https."""
    import httpx

    try:
        url = urljoin(base, link.strip())
        parsed = httpx.URL(url)  # what sends it is what judges it: two parsers could disagree
    except (ValueError, httpx.InvalidURL):
        return None
    return url if parsed.scheme in {"http", "https"} and parsed.raw_host else None
