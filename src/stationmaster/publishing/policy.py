"""What holds for all publications. Owns these numbers."""

from datetime import timedelta
from typing import Final

SHORTEST_LIFE: Final = timedelta(hours=24)      # a secret that ends sooner is not copied: the copy would outlive it
KEEP_PLANS: Final = timedelta(days=30)
BATCH: Final = 100                              # rows of one change: everybody else's changes wait for it
MAX_CHOSEN: Final = 5000                        # credentials of one plan
