"""pyserial URL handlers for ports that fail in ways a pseudo-terminal cannot."""
