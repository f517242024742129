"""Lamps and buttons of the box."""
