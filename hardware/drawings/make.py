"""Write every picture of `hardware/`: `python3 -m hardware.drawings.make`, in the root of the checkout.

SVG needs the standard library only. Where `rsvg-convert` (Debian: librsvg2-bin) and the type (Debian:
fonts-morisawa-bizud-gothic) are installed, the household sheet becomes a PDF as well; `--png DIR` puts pictures to look
at into DIR.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hardware.drawings import bypass, enclosure, panel_wiring, sheet, topologies
from hardware.drawings.svg import Drawing

HARDWARE: Final = Path(__file__).parents[1]
PICTURES: Final[dict[str, Callable[[], Drawing]]] = {
    "drawings/parallel.svg": topologies.parallel,
    "drawings/listen-only.svg": topologies.listen_only,
    "drawings/series.svg": topologies.series,
    "drawings/sip.svg": topologies.sip,
    "drawings/panel.svg": panel_wiring.panel,
    "drawings/bypass.svg": bypass.bypass,
    "enclosure/box.svg": enclosure.box,
    "sheet/page1.svg": sheet.page1,
    "sheet/page2.svg": sheet.page2,
}
SHEET: Final = ("sheet/page1.svg", "sheet/page2.svg")
PDF: Final = "sheet/otaku-no-denwaban.pdf"


def write_svg() -> None:
    """Every picture, beside the text that shows it."""
    for name, draw in PICTURES.items():
        (HARDWARE / name).write_text(draw().svg(), "utf-8")


def write_pdf(converter: str) -> None:
    """The two pages of the sheet, with the characters used embedded."""
    pages = [str(HARDWARE / name) for name in SHEET]
    # Cairo writes the time into the file unless it is told one.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    command = [converter, "--format", "pdf", "--output", str(HARDWARE / PDF), *pages]
    subprocess.run(command, check=True, env=environment)


def write_png(converter: str, folder: Path) -> None:
    """Every picture, 1,400 pixels wide."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        target = folder / f"{name.replace('/', '-').removesuffix('.svg')}.png"
        command = [converter, "--width", "1400", "--keep-aspect-ratio", "--output", str(target), str(HARDWARE / name)]
        subprocess.run(command, check=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--png", type=Path, metavar="DIR", help="pictures to look at")
    options = parser.parse_args()
    write_svg()
    converter = shutil.which("rsvg-convert")
    if converter is not None:
        write_pdf(converter)
        if options.png is not None:
            write_png(converter, options.png)
    elif options.png is not None:
        parser.error("rsvg-convert is missing: sudo apt install librsvg2-bin fonts-morisawa-bizud-gothic")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
