"""What the demo shop sells, to whom: the same records each time, and what happens when a day passes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

Record = dict[str, Any]

_FIRST = ("Ada", "Björn", "Chloé", "Dmitri", "Emre", "Fatima", "Grace", "Hiro", "Inês", "Juno")
_LAST = ("Adler", "Brandt", "Costa", "Duarte", "Eriksen")
_CITIES = ("Berlin", "Kraków", "Lisboa", "Malmö", "Zürich")
_GOODS = (
    "kettle",
    "lamp",
    "ladder",
    "mug",
    "notebook",
    "pillow",
    "radio",
    "rope",
    "scarf",
    "stool",
    "tent",
    "umbrella",
)
_STATUS = ("paid", "paid", "open", "shipped")
_OPENING = datetime(2026, 1, 5, 9, tzinfo=UTC)
_CUSTOMERS, _ORDERS = 45, 120
_UNREADABLE_ORDER = 77


class Shop:
    """The records, by key, and *days*: how often `pass_day` was called."""

    def __init__(self) -> None:
        self.days = 0
        self.customers = {number: _customer(number) for number in range(1, _CUSTOMERS + 1)}
        self.products = {product["sku"]: product for product in map(_product, range(len(_GOODS)))}
        self.orders = {number: _order(number) for number in range(1, _ORDERS + 1)}
        self.orders[_UNREADABLE_ORDER]["total"] = "n/a"  # every real API has one

    def pass_day(self) -> None:
        """Add, change and delete a few records of each kind; every day others."""
        self.days += 1
        self._change_customers()
        self._change_orders(_OPENING + timedelta(days=30 + self.days))
        lamp = self.products["lamp"]
        lamp["price"] = round(lamp["price"] * 1.1, 2)

    def _change_customers(self) -> None:
        new = max(self.customers) + 1
        self.customers[new] = _customer(new)
        self.customers.pop(self.days)
        mover = self.customers[self.days + 20]
        mover["contact"] = {**mover["contact"], "city": "Oslo"}

    def _change_orders(self, moment: datetime) -> None:
        open_orders = [order for order in self.orders.values() if order.get("status") == "open"]
        for order, status in zip(
            open_orders, ("paid", "paid", "paid", "cancelled", "cancelled"), strict=False
        ):
            order |= {"status": status, "updated_at": _iso(moment)}
        shipped = (number for number, order in self.orders.items() if order.get("status") == "shipped")
        gone = next(shipped, min(self.orders))
        self.orders[gone] = {"id": gone, "deleted": True, "updated_at": _iso(moment)}
        last = max(self.orders)
        for number in range(last + 1, last + 4):
            fresh = {"status": "open", "placed_at": _iso(moment), "updated_at": _iso(moment)}
            self.orders[number] = _order(number) | fresh


def _customer(number: int) -> Record:
    first, last = _FIRST[number % len(_FIRST)], _LAST[number // len(_FIRST) % len(_LAST)]
    contact = {"email": f"customer{number}@shop.example", "city": _CITIES[number % len(_CITIES)]}
    return {
        "id": number,
        "name": f"{first} {last}",
        "contact": contact,
        "since": (date(2024, 1, 1) + timedelta(days=number * 13)).isoformat(),
    }


def _product(number: int) -> Record:
    name = _GOODS[number]
    return {"sku": name, "name": name.title(), "price": 4.5 + number * 3, "in_stock": number % 5 != 0}


def _order(number: int) -> Record:
    lines = [
        {"sku": _GOODS[(number * 5 + line) % len(_GOODS)], "quantity": line + 1}
        for line in range(number % 3 + 1)
    ]
    moment = _iso(_OPENING + timedelta(hours=number * 5))
    return {
        "id": number,
        "customer": {"id": number * 7 % _CUSTOMERS + 1},
        "status": _STATUS[number % len(_STATUS)],
        "total": f"{number * 37 % 190 + 9}.{number % 10}0",  # text, so that no cent is lost on the way
        "lines": lines,
        "placed_at": moment,
        "updated_at": moment,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
