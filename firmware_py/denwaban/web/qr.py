"""A QR code as a picture in the page."""

from __future__ import annotations

import io

from markupsafe import Markup


def qr_svg(text: str) -> Markup | None:
    """An <svg> without script or style; None where the extra `qr` is not installed."""
    try:
        import segno  # noqa: PLC0415 - an optional dependency
    except ImportError:
        return None
    svg = io.BytesIO()
    # Black on white in the dark scheme, too: many cameras do not read an inverted code.
    segno.make(text, error="l", micro=False).save(
        svg, kind="svg", xmldecl=False, svgns=False, omitsize=True, dark="#000", light="#fff", svgclass="qr",
        lineclass=None,
    )  # fmt: skip
    return Markup(svg.getvalue().decode())
