"""The row of a contact, as one writes it by hand; shared by those that have no mapping language."""

from __future__ import annotations

from typing import Any


def staged(record: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a contact."""
    properties, company = record["properties"], record["company"]
    address = company["address"]
    location = address["location"]
    return {
        "id": record["id"],
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
        "archived": record["archived"],
        "first_name": properties["first_name"],
        "last_name": properties["last_name"],
        "email": properties["email"],
        "phone": properties["phone"],
        "job_title": properties["job_title"],
        "stage": properties["lifecycle_stage"],
        "lead_score": properties["lead_score"],
        "revenue": properties["annual_revenue"],
        "last_seen_at": properties["last_seen_at"],
        "company_id": company["id"],
        "company": company["name"],
        "industry": company["industry"],
        "employees": company["employees"],
        "city": address["city"],
        "country": address["country"],
        "latitude": location["lat"],
        "longitude": location["lng"],
        "owner": record["owner"]["email"],
        "tags": record["tags"],
        "marketing": record["consent"]["marketing"],
        "channel": record["source"]["channel"],
    }
