"""What AT commands set, and the commands that set, read or list it. No hook, no voice, no timing: that is modem.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from denwaban.sim.commands import Command
from denwaban.sim.faults import Faults
from denwaban.sim.profiles import ModemProfile, VoiceFormat

JAPAN: Final = "00"
"""T.35 country code."""
_FACTORY_COUNTRY: Final = "B5"

_RANGED: Final = {
    "+VGR": ("121-134", range(121, 135), "128"),
    "+VGT": ("121-134", range(121, 135), "128"),
    "+VIT": ("0-255", range(256), "0"),
    "+VNH": ("0-2", range(3), "0"),
    "+VRID": ("0,1", range(2), "0"),
    "+PCW": ("0-2", range(3), "0"),
    "+VCDT": ("0-7", range(8), "0"),
    "-SCID": ("0-2", range(3), "0"),
    "-STE": ("0-7", range(8), "0"),
}
"""Commands with one number: what `=?` lists, what `=` takes, and the value after a reset."""
_VOICE_RESET: Final = ("+VGR", "+VGT", "+VIT", "+VNH")
"""What +VIP resets, besides +VSM and +VSD."""
_ACCEPTED: Final = frozenset({"&C", "&D", "&K", "B", "L", "M", "N", "P", "T", "W", "X", "Y"})
_ACCEPTED_EXTENDED: Final = frozenset({"+FLO", "+IFC", "+ICF", "+IPR", "+VRA", "+VRN", "+VDR", "+VTD"})
_OF_ONE_FAMILY: Final = frozenset({"+VCDT", "-SCID", "-STE"})
_JAPANESE_TYPE: Final = "3"
"""+VCDT, where there is one."""
_EXTENSION_PICKUP: Final = 0b010
_LINE_IN_USE: Final = 0b001
"""Bits of -STE."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The active profile. Z restores the stored one."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    caller_id: int = 0
    """+VCID: 0 off, 1 formatted, 2 hexadecimal."""
    cml: int = 1
    silence: tuple[int, int] = (128, 50)
    numbers: tuple[tuple[str, str], ...] = ()
    registers: tuple[tuple[str, str], ...] = (("S0", "0"), ("S3", "13"), ("S4", "10"), ("S5", "8"))

    def number(self, name: str) -> str:
        return dict(self.numbers).get(name, _RANGED[name][2])

    def with_number(self, name: str, value: str) -> Settings:
        return replace(self, numbers=tuple({**dict(self.numbers), name: value}.items()))


@dataclass(slots=True)
class Book:
    """Active and stored settings of one modem. `run` answers the commands that touch nothing else."""

    profile: ModemProfile
    faults: Faults
    active: Settings = field(init=False)
    country: str = _FACTORY_COUNTRY
    _stored: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.active = self._stored = self._factory()

    @property
    def format(self) -> VoiceFormat:
        row = self.profile.format(self.active.cml)
        return row or self.profile.formats[0]

    @property
    def japanese_caller_id(self) -> bool:
        """Only a modem set to Japan understands Number Display."""
        typed = "+VCDT" not in self.profile.own_commands or self.active.number("+VCDT") == _JAPANESE_TYPE
        return self.country == JAPAN and self.active.caller_id > 0 and typed

    @property
    def senses_extension(self) -> bool:
        """A telephone beside the modem that is lifted or replaced is reported."""
        switched = "-STE" not in self.profile.own_commands or int(self.active.number("-STE")) & _EXTENSION_PICKUP
        return self.profile.extension and bool(switched)

    def reset(self) -> None:
        """ATZ."""
        if self.faults.forgets_on_reset:
            self._stored = self._factory()
            self.country = _FACTORY_COUNTRY
        self.active = self._stored

    def run(self, command: Command) -> list[str] | None:
        """Carry out a command; the lines it answers before OK, or None for ERROR."""
        foreign = _OF_ONE_FAMILY - self.profile.own_commands
        if command.name in self.profile.unknown | foreign:
            return None
        special = _SPECIAL.get(command.name)
        if special is not None:
            return special(self, command)
        if command.name in _RANGED:
            return self._ranged(command)
        if command.name == "+IFC" and self.faults.ifc_error:
            return None
        if command.name in _ACCEPTED or command.name in _ACCEPTED_EXTENDED:
            return []
        return self._register(command) if re.fullmatch(r"S\d+", command.name) else None

    def _factory(self) -> Settings:
        return Settings(cml=self.profile.default_cml, numbers=(("+VIT", str(self.profile.inactivity_s)),))

    # --- single commands -----------------------------------------------------------------------------------------

    def _ranged(self, command: Command) -> list[str] | None:
        listing, allowed, _ = _RANGED[command.name]
        if command.rest == "=?":
            return [f"({listing})"]
        if command.rest == "?":
            return [self.active.number(command.name)]
        if not command.value.isdigit() or int(command.value) not in allowed:
            return None
        self.active = self.active.with_number(command.name, command.value)
        if command.name == "-SCID" and command.value != "0":  # by the maker's manual it forces these two
            sensing = int(self.active.number("-STE")) | _LINE_IN_USE
            self.active = replace(self.active.with_number("-STE", str(sensing)), caller_id=int(command.value))
        return []

    def _register(self, command: Command) -> list[str] | None:
        registers = dict(self.active.registers)
        if command.rest == "?":
            return [f"{int(registers.get(command.name, '0')):03d}"]
        if not command.rest.startswith("=") or int(command.value or "0") > 255 or int(command.name[1:]) > 255:
            return None
        registers[command.name] = command.value or "0"
        self.active = replace(self.active, registers=tuple(registers.items()))
        return []

    def _switch(self, command: Command) -> list[str] | None:
        if command.rest not in ("", "0", "1"):
            return None
        on = command.rest == "1"
        match command.name:
            case "E":
                self.active = replace(self.active, echo=on)
            case "V":
                self.active = replace(self.active, verbose=on)
            case _:
                self.active = replace(self.active, quiet=on)
        return []

    def _identity(self, command: Command) -> list[str] | None:
        number = int(command.rest or "0")
        return [self.profile.identity[number]] if number < len(self.profile.identity) else None

    def _maker(self, command: Command) -> list[str] | None:
        answers = {"M": self.profile.manufacturer, "L": self.profile.model, "R": self.profile.revision}
        kind = {"+GMI": "M", "+FMI": "M", "+GMM": "L", "+FMM": "L", "+GMR": "R", "+FMR": "R"}[command.name]
        return [answers[kind]] if command.rest in ("", "?") else None

    def _country(self, command: Command) -> list[str] | None:
        if command.rest == "=?":
            return [f"+GCI: ({','.join(self.profile.countries)})"]
        if command.rest == "?":
            return [f"+GCI: {self.country}"]
        if command.value not in self.profile.countries:
            return None
        self.country = command.value
        return []

    def _caller_id(self, command: Command) -> list[str] | None:
        if command.rest == "=?":
            return ["(0-2)"]
        if command.rest == "?":
            return [str(self.active.caller_id)]
        if command.value not in ("0", "1", "2"):
            return None
        self.active = replace(self.active, caller_id=int(command.value))
        return []

    def _sampling(self, command: Command) -> list[str] | None:
        if command.rest == "=?":
            return [row.row for row in self.profile.formats]
        if command.rest == "?":
            return [f"{self.active.cml},8000,0,0"]
        values = command.value.split(",")
        if len(values) not in self.profile.format_parameters or not all(value.isdigit() for value in values):
            return None
        row = self.profile.format(int(values[0]))
        if row is None or values[1:2] not in ([], ["8000"]) or (row.bits == 16 and self.faults.no_16_bit):
            return None
        if self.faults.vsm_error:
            return None
        self.active = replace(self.active, cml=row.cml)
        return []

    def _silence(self, command: Command) -> list[str] | None:
        if command.rest == "=?":
            return ["(0-255),(0-255)"]
        if command.rest == "?":
            return ["{},{}".format(*self.active.silence)]
        values = command.value.split(",")
        if len(values) != 2 or not all(value.isdigit() and int(value) <= 255 for value in values):
            return None
        if int(values[0]) not in self.profile.silence_levels:
            return None
        self.active = replace(self.active, silence=(int(values[0]), int(values[1])))
        return []

    def _store(self, command: Command) -> list[str] | None:
        if command.name == "&W":
            self._stored = self.active
        else:
            self.active = self._factory()
        return []

    def _reset_voice(self, command: Command) -> list[str] | None:
        factory = self._factory()
        kept = tuple((name, value) for name, value in self.active.numbers if name not in _VOICE_RESET)
        numbers = (*factory.numbers, *kept)
        self.active = replace(self.active, cml=factory.cml, silence=factory.silence, numbers=numbers)
        return [] if command.rest == "" else None


_SPECIAL: Final[dict[str, Callable[[Book, Command], list[str] | None]]] = {
    "E": Book._switch,
    "V": Book._switch,
    "Q": Book._switch,
    "I": Book._identity,
    "&F": Book._store,
    "&W": Book._store,
    "+GMI": Book._maker,
    "+FMI": Book._maker,
    "+GMM": Book._maker,
    "+FMM": Book._maker,
    "+GMR": Book._maker,
    "+FMR": Book._maker,
    "+GCI": Book._country,
    "+VCID": Book._caller_id,
    "+VSM": Book._sampling,
    "+VSD": Book._silence,
    "+VIP": Book._reset_voice,
}
