"""What entrances may ask about alerts."""

from stationmaster.alerts.alerts import (
    ALERTS,
    OVERLAP,
    MadeAlert,
    create_alert,
    delete_alert,
    export_alerts,
    get_alert,
    list_alerts,
    rotate_alert,
    test_alert,
    update_alert,
)
from stationmaster.alerts.deliveries import DELIVERIES, export_deliveries, get_delivery, list_deliveries, resend
from stationmaster.alerts.kinds import CHANNELS, KINDS
from stationmaster.alerts.looking import forget, look
from stationmaster.alerts.wording import TYPES

__all__ = [
    "ALERTS", "CHANNELS", "DELIVERIES", "KINDS", "OVERLAP", "TYPES", "MadeAlert", "create_alert", "delete_alert", "export_alerts",
    "export_deliveries", "forget", "get_alert", "get_delivery", "list_alerts", "list_deliveries", "look", "resend",
    "rotate_alert", "test_alert", "update_alert",
]  # fmt: skip
