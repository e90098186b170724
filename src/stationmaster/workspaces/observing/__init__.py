"""What a reading of a workspace's vendor changes: our copy of it, whom its members are here, and seats' states.

May not know how the vendor was read.
"""

from stationmaster.workspaces.observing.reading import Reading, Told
from stationmaster.workspaces.observing.recording import record

__all__ = ["Reading", "Told", "record"]
