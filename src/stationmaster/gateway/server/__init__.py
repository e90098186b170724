"""The shell: sockets, clocks and processes round `gateway.core`. Decides nothing itself."""
