"""The pictures of `hardware/`, drawn by `python3 -m hardware.drawings.make` with nothing but the standard library."""
