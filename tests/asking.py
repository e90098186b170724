"""What tests give to HTTP clients that speak plain http to this machine."""

import ssl
from typing import Final

# Trusts nobody. A client that is given none reads the list of everybody's authorities when it is made, which takes longer
# than all that most tests ask.
PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
