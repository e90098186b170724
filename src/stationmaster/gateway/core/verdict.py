"""What an upstream's error says about our credential (vendors' error pages). May not know who asked."""

from stationmaster.gateway.core.snapshot import Vendor


def about_credential(vendor: Vendor, status: int, body: bytes) -> bool:
    """Whether the error is about the credential we sent, so that the caller must not take it for theirs.

    401 and 403 always are: no credential of the caller's ever reaches the vendor. Gemini answers a bad key
    with 400 and `reason: API_KEY_INVALID` (ai.google.dev, troubleshooting).
    """
    return status in (401, 403) or (vendor == "gemini" and status == 400 and b"API_KEY_INVALID" in body)
