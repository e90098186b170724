"""REST, under /api/v1. Thin: what a call means is the services' business."""
