"""GitHub's bill of Copilot: licences and premium requests, by day. Shapes as githubkit's schemas of 2026-03-10 have them
(BillingUsageReport, BillingPremiumRequestUsageReportOrg). Amounts are in dollars, made up from the seats that there are.
"""

from datetime import UTC, datetime

from stationmaster.sandbox.admin.calls import Answer, Call, Route
from stationmaster.sandbox.admin.state import Refused

_SEAT = 19.0 / 30          # dollars of a licence a day
_REQUEST = 0.04
_INCLUDED = 10             # premium requests a licence and day
_MODEL = "GPT-5"


def _day(call: Call) -> datetime:
    """The day that is asked for. Longer reports are not simulated: the sums of days are theirs."""
    try:
        year, month, day = (int(call.first(name)) for name in ("year", "month", "day"))
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        raise Refused("bad_request", "year, month and day are asked for here.") from None


def _seats(call: Call) -> int:
    if not call.organisation.settings.copilot:
        raise Refused("not_found")
    return len(call.organisation.licences.all())


def _usage(call: Call) -> Answer:
    day, seats = _day(call), _seats(call)
    items = [_item(call, day, "Copilot", "Copilot Business", "User-Months", seats, _SEAT)] if seats else []
    items.append(_item(call, day, "Actions", "Actions Linux", "Minutes", 100, 0.008))
    return Answer({"usageItems": items})


def _item(call: Call, day: datetime, product: str, sku: str, unit: str, quantity: int, price: float) -> dict[str, object]:
    gross = round(quantity * price, 6)
    return {
        "date": f"{day:%Y-%m-%d}", "product": product, "sku": sku, "quantity": quantity, "unitType": unit, "pricePerUnit": price,
        "grossAmount": gross, "discountAmount": 0.0, "netAmount": gross, "organizationName": call.organisation.name,
    }  # fmt: skip


def _requests(call: Call) -> Answer:
    """Each licence uses what is included, and one request more."""
    day, seats = _day(call), _seats(call)
    gross, included = float(seats * (_INCLUDED + 1)), float(seats * _INCLUDED)
    row = {
        "product": "Copilot", "sku": "Copilot Premium Request", "model": _MODEL, "unitType": "requests", "pricePerUnit": _REQUEST,
        "grossQuantity": gross, "grossAmount": gross * _REQUEST, "discountQuantity": included,
        "discountAmount": included * _REQUEST, "netQuantity": gross - included, "netAmount": (gross - included) * _REQUEST,
    }  # fmt: skip
    period = {"year": day.year, "month": day.month, "day": day.day}
    return Answer({"timePeriod": period, "organization": call.organisation.name, "usageItems": [row] if seats else []})


_O = "/organizations/{org}/settings/billing"
ROUTES: tuple[Route, ...] = (
    ("GET", f"{_O}/usage", _usage),
    ("GET", f"{_O}/premium_request/usage", _requests),
)
