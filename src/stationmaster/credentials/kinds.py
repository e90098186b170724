"""What jobs of credentials are called. Plain words: importing this loads nothing."""

from typing import Final

MINT: Final = "mint"
ROTATE: Final = "rotate"
REVOKE: Final = "revoke"
PROBE: Final = "probe"
OVERRIDE: Final = "end-override"
