"""What Stationmaster costs beside nginx, LiteLLM and Portkey, measured in one run on one machine."""
