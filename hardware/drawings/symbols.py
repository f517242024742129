"""Parts of a circuit diagram, drawn along a wire. Every function leaves the wire ends to its caller."""

from __future__ import annotations

from hardware.drawings.svg import INK, Drawing


def resistor(drawing: Drawing, x: float, y: float, text: str) -> None:
    """Lies on the wire from x - 32 to x + 32; its value stands in the box."""
    drawing.rect(x - 32, y - 11, 64, 22, fill="#ffffff")
    drawing.text(x, y + 5, text, 14, "middle")


def resistor_upright(drawing: Drawing, x: float, y: float) -> None:
    """Stands on the wire from y - 24 to y + 24."""
    drawing.rect(x - 9, y - 24, 18, 48, fill="#ffffff")


def capacitor(drawing: Drawing, x: float, y: float) -> None:
    """Lies on the wire, its plates at x - 5 and x + 5."""
    drawing.line((x - 5, y - 16), (x - 5, y + 16), width=3)
    drawing.line((x + 5, y - 16), (x + 5, y + 16), width=3)


def capacitor_upright(drawing: Drawing, x: float, y: float) -> None:
    """Its plates at y - 5 and y + 5."""
    drawing.line((x - 16, y - 5), (x + 16, y - 5), width=3)
    drawing.line((x - 16, y + 5), (x + 16, y + 5), width=3)


def diode(drawing: Drawing, x: float, y: float, turned: bool = False, color: str = INK) -> None:
    """Conducts to the right (turned: to the left); 24 wide on the wire."""
    way = -1 if turned else 1
    drawing.polygon((x - 12 * way, y - 12), (x - 12 * way, y + 12), (x + 10 * way, y), fill=color, color=INK)
    drawing.line((x + 11 * way, y - 13), (x + 11 * way, y + 13), width=3)


def diode_up(drawing: Drawing, x: float, y: float) -> None:
    """Conducts upwards."""
    drawing.polygon((x - 12, y + 12), (x + 12, y + 12), (x, y - 10), fill=INK)
    drawing.line((x - 13, y - 11), (x + 13, y - 11), width=3)


def led(drawing: Drawing, x: float, y: float, color: str) -> None:
    """Conducts to the left, with the two arrows of light."""
    diode(drawing, x, y, turned=True, color=color)
    for shift in (0, 11):
        drawing.line((x - 2 + shift, y - 17), (x + 8 + shift, y - 29))
        drawing.polygon((x + 10 + shift, y - 32), (x + 2 + shift, y - 27), (x + 8 + shift, y - 22))


def push_button(drawing: Drawing, x: float, y: float) -> None:
    """Between x - 28 and x + 28, open at rest."""
    drawing.circle(x - 24, y, 4, fill="#ffffff")
    drawing.circle(x + 24, y, 4, fill="#ffffff")
    drawing.line((x - 26, y - 13), (x + 26, y - 13), width=3)
    drawing.line((x, y - 13), (x, y - 25), width=3)


def ground(drawing: Drawing, x: float, y: float) -> None:
    """Hangs on the end of a wire."""
    for half, down in ((16, 0), (10, 6), (4, 12)):
        drawing.line((x - half, y + down), (x + half, y + down))


def coil(drawing: Drawing, x: float, y: float, name: str) -> None:
    """A relay's coil, standing on the wire from y - 22 to y + 22."""
    drawing.rect(x - 34, y - 22, 68, 44, fill="#ffffff")
    drawing.text(x, y + 6, name, 16, "middle", bold=True)


def transistor(drawing: Drawing, x: float, y: float) -> None:
    """An n-channel MOSFET: gate at (x - 40, y), drain at (x + 20, y - 40), source at (x + 20, y + 40)."""
    drawing.circle(x, y, 34, fill="#ffffff", width=1.5)
    drawing.line((x - 40, y), (x - 16, y))
    drawing.line((x - 16, y - 20), (x - 16, y + 20), width=3)
    for shift in (-18, 0, 18):
        drawing.line((x - 8, y + shift - 6), (x - 8, y + shift + 6), width=3)
    drawing.line((x - 8, y - 18), (x + 20, y - 18), (x + 20, y - 40))
    drawing.line((x - 8, y + 18), (x + 20, y + 18), (x + 20, y + 40))
    drawing.line((x - 8, y), (x + 20, y), (x + 20, y + 18))
    drawing.polygon((x - 6, y), (x + 5, y - 5), (x + 5, y + 5))


def open_contact(drawing: Drawing, x: float, y: float) -> None:
    """A contact that is open without current in the coil: on the wire from x - 34 to x + 34."""
    drawing.circle(x - 30, y, 4, fill="#ffffff")
    drawing.circle(x + 30, y, 4, fill="#ffffff")
    drawing.line((x - 27, y - 2), (x + 24, y - 20), width=3)


def open_contact_upright(drawing: Drawing, x: float, y: float) -> None:
    """The same on an upright wire from y - 34 to y + 34."""
    drawing.circle(x, y - 30, 4, fill="#ffffff")
    drawing.circle(x, y + 30, 4, fill="#ffffff")
    drawing.line((x + 2, y + 27), (x + 20, y - 24), width=3)


def changeover(drawing: Drawing, x: float, y: float) -> None:
    """Common contact at (x + 84, y); at rest it touches (x, y - 16), with current in the coil (x, y + 16)."""
    drawing.circle(x + 4, y - 16, 4, fill="#ffffff")
    drawing.circle(x + 4, y + 16, 4, fill="#ffffff")
    drawing.circle(x + 80, y, 4, fill="#ffffff")
    drawing.line((x + 77, y - 1), (x + 8, y - 15), width=3)
