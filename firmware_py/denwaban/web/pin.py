"""The PIN: chosen with a one-time code, kept as a hash, guessed at slowly.

Anybody in the network can open the page, so whoever comes first must not own the box: without a PIN nothing is shown,
and a PIN is chosen only by who has the code on the label or in the terminal.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from denwaban.errors import StoreError

FEWEST_DIGITS: Final = 6
"""So it cannot be the four digits of a cash card, which must not travel over a network in the clear."""
MOST_DIGITS: Final = 12
TRIES: Final = 10
WAIT_S: Final = 300.0
LONGEST_WAIT_S: Final = 3600.0
CODE_DIGITS: Final = 8
_RISING: Final = "01234567890123456789"

# OWASP's password storage cheat sheet: Argon2id with 19 MiB, two passes, one lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Limiter:
    """Ten wrong tries, then a pause that doubles with every further wrong one. For all devices together: in a home
    network addresses cost nothing."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._wrong = 0
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def wait_s(self) -> float:
        """Seconds until the next try; 0 when one may be made now."""
        return max(0.0, self._closed_until - self._now())

    def left(self) -> int:
        """Tries before the pause."""
        return max(1, TRIES - self._wrong)

    def attempt(self, is_right: Callable[[], bool]) -> bool:
        """Make one try; a wrong one counts. One after the other, so that no number of devices gets more tries."""
        with self._lock:
            if self.wait_s() > 0:
                return False
            if is_right():
                self._wrong = 0
                return True
            self._wrong += 1
            if self._wrong >= TRIES:
                wait = min(LONGEST_WAIT_S, WAIT_S * 2.0 ** min(self._wrong - TRIES, 10))
                self._closed_until = self._now() + wait
            return False


def weak(pin: str) -> str | None:
    """What is wrong with a wished PIN, as a key of `words.toml`; None when it will do."""
    if not (pin.isascii() and pin.isdigit() and FEWEST_DIGITS <= len(pin) <= MOST_DIGITS):
        return "pin_digits"
    if len(set(pin)) <= 2 or pin in _RISING or pin in _RISING[::-1]:
        return "pin_easy"
    return None


class PinFile:
    """Hashes of PIN and code in the file `path`, mode 0600. The code is made by a command beside the page, so the file
    is read each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def is_set(self) -> bool:
        return "pin" in self._read()

    def version(self) -> str:
        """Changes with the PIN; sessions of an older one are void."""
        return str(self._read().get("pin", ""))[-16:]

    def new_code(self) -> str:
        """A one-time code, as it is printed: `1234-5678`. The one before is void. StoreError when it cannot be kept."""
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        with self._lock:
            self._write({**self._read(), "code": _HASHER.hash(code)})
        return f"{code[:4]}-{code[4:]}"

    def pin_is(self, pin: str) -> bool:
        return self._matches("pin", pin)

    def code_is(self, code: str) -> bool:
        return self._matches("code", "".join(filter(str.isdigit, code)))

    def choose(self, pin: str) -> None:
        """The new PIN; the code is used up. StoreError when it cannot be kept."""
        with self._lock:
            self._write({"pin": _HASHER.hash(pin)})

    def _matches(self, name: str, given: str) -> bool:
        try:
            return _HASHER.verify(str(self._read()[name]), given)
        except (KeyError, VerificationError, InvalidHashError):
            return False

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}  # a damaged file opens nothing: a new code makes a new one
        return found if isinstance(found, dict) else {}

    def _write(self, content: dict[str, Any]) -> None:
        aside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written ({error.strerror}); check the folder") from error
