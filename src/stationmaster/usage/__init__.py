"""What gateways report: requests and what they used, how credentials fare, and how the gateways themselves stand."""
