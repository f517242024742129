"""`unplugs:///dev/pts/N`: a serial port that reads nothing although it is readable once the file `N.unplugged` exists,
as Linux does with a USB device that is gone (pyserial issues 86 and 341)."""

from __future__ import annotations

import os

import serial


class Serial(serial.Serial):  # type: ignore[misc]
    """pyserial takes the class of this name."""

    @serial.Serial.port.setter  # type: ignore[untyped-decorator]
    def port(self, url: str) -> None:
        serial.Serial.port.__set__(self, url and url.removeprefix("unplugs://"))

    def read(self, size: int = 1) -> bytes:
        if os.path.lexists(f"{self.portstr}.unplugged"):
            raise serial.SerialException("device reports readiness to read but returned no data")
        return bytes(super().read(size))
