"""The virtual telephone line: a V.253 voice modem on a pseudo-terminal; behind it an exchange, a caller, a household.

It shares nothing with `line/`, the driver it is there to test: the bytes on the wire are the contract. Reading order:
callfile.py → exchange.py → modem.py → simulation.py → virtual_line.py.
"""

from denwaban.sim.callfile import CallFile, from_audio, load_call
from denwaban.sim.clock import LineClock
from denwaban.sim.faults import CommandDelays, Faults
from denwaban.sim.line_events import LineEvent
from denwaban.sim.virtual_line import VirtualLine

__all__ = ["CallFile", "CommandDelays", "Faults", "LineClock", "LineEvent", "VirtualLine", "from_audio", "load_call"]
