"""The page's words, times and lengths in the reader's language."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Final

from denwaban.rules import JST_OFFSET_S
from denwaban.web.port import Said

LANGUAGES: Final = ("ja", "en")
_JST: Final = timezone(timedelta(seconds=JST_OFFSET_S))
_DAYS: Final = "月火水木金土日"


@cache
def words() -> dict[str, Said]:
    """All of `words.toml`."""
    table = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
    return {key: Said(*pair) for key, pair in table.items()}


@dataclass(frozen=True, slots=True)
class Text:
    """One reader's language; `now` is seconds since the epoch."""

    language: str
    now: float

    def __call__(self, key: str, *values: object) -> str:
        return self.of(words()[key]).format(*values)

    def of(self, said: Said) -> str:
        return said.ja if self.language == "ja" else said.en or said.ja

    def when(self, at: float) -> str:
        """今日 14:05, きのう 9:30, 11月3日(月) 8:00; with the year when it is another one. Japanese time."""
        then, now = datetime.fromtimestamp(at, _JST), datetime.fromtimestamp(self.now, _JST)
        clock = f"{then.hour}:{then.minute:02}"
        days = (now.date() - then.date()).days
        if self.language != "ja":
            return f"{('today', 'yesterday')[days]} {clock}" if days in (0, 1) else f"{then:%Y-%m-%d} {clock}"
        if days in (0, 1):
            return f"{('今日', 'きのう')[days]} {clock}"
        year = f"{then.year}年" if then.year != now.year else ""
        return f"{year}{then.month}月{then.day}日({_DAYS[then.weekday()]}) {clock}"

    def lasting(self, seconds: float) -> str:
        return self("lasted", round(seconds / 60)) if seconds >= 60 else self("lasted_s", round(seconds))
