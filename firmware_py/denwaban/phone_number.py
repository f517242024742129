"""Telephone numbers: one form for all spellings, and what a number tells about a caller.

A number is a claim of the caller's network and can be false; nothing here is a verdict. Reads nothing but the package's
own tables (`phone_names.py`) and libphonenumber's.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from denwaban.phone_names import Name, abuse_reported, areas, countries

Kind = Literal["fixed", "mobile", "ip", "toll_free", "navi", "service", "international", "unassigned"]
"""`unassigned` fits no Japanese numbering plan; whatever claims to come from abroad is `international`."""

Flag = Literal["police_like_suffix", "unassigned_country_code", "abuse_reported_country", "foreign_toll_free"]

_WITH_CALLER_ID_PREFIX: Final = re.compile(r"18[46](\+[0-9]{7,}|0[0-9]{9,})")
"""184 withholds the own number, 186 shows it: people write down what they dial."""
_TO_ABROAD: Final = re.compile(r"(?:(?:00(?:1|[3-8][0-9](?:45)?|91[0-9]{2}))?010|0010)(?=[0-9])")
"""010, alone or behind a carrier's code (001, 00XY, 0091XY; Ministry of Internal Affairs and Communications)."""

_KINDS: Final[dict[int, Kind]] = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.VOIP: "ip",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.UAN: "navi",
    PhoneNumberType.PAGER: "service",
    PhoneNumberType.PERSONAL_NUMBER: "service",
    PhoneNumberType.PREMIUM_RATE: "service",
    PhoneNumberType.SHARED_COST: "service",
}
_KIND_NAMES: Final[dict[Kind, Name]] = {
    "fixed": Name("固定電話", "landline"),
    "mobile": Name("携帯電話", "mobile telephone"),
    "ip": Name("IP電話", "IP telephone"),
    "toll_free": Name("フリーダイヤル", "toll-free number"),
    "navi": Name("ナビダイヤル", "Navi Dial"),
    "service": Name("サービス用の番号", "service number"),
    "international": Name("国際電話", "international"),
    "unassigned": Name("割り当てのない番号", "unassigned number"),
}
_SHORT_CODES: Final = {
    "104": Name("番号案内", "directory enquiries"),
    "110": Name("警察への緊急通報用の番号", "police emergency number"),
    "113": Name("電話の故障", "telephone repairs"),
    "115": Name("電報", "telegrams"),
    "116": Name("NTTの受付", "NTT service desk"),
    "117": Name("時報", "speaking clock"),
    "118": Name("海上保安庁への緊急通報用の番号", "coast guard emergency number"),
    "119": Name("消防・救急への緊急通報用の番号", "fire and ambulance emergency number"),
    "171": Name("災害用伝言ダイヤル", "disaster message service"),
    "188": Name("消費者ホットライン", "consumer hotline"),
    "189": Name("児童相談所", "child guidance centre"),
}
"""They are there to be called; shown as a caller's own number they prove nothing."""
_NORTH_AMERICA: Final = Name("アメリカ・カナダなど", "North America")
"""Where a +1 number belongs to all of its countries: toll-free ones, and area codes nobody knows."""
_NO_SUCH_CODE: Final = Name("存在しない国番号", "no such country code")


@dataclass(frozen=True, slots=True)
class NumberInfo:
    """What a number tells. `name` is its area, country or service; `country` an ISO 3166 code if it belongs to one."""

    number: str
    """As `normalise_number` returns it."""
    written: str
    """As people write it, with hyphens."""
    kind: Kind
    name: Name
    country: str | None = None
    flags: frozenset[Flag] = frozenset()

    @property
    def label_ja(self) -> str:
        """The name as the household reads it behind the number."""
        return self.name.ja + ("(フリーダイヤル)" if "foreign_toll_free" in self.flags else "")


def normalise_number(text: str) -> str:
    """Digits of a number in one form: Japanese numbers nationally (`+81 3…` → `03…`), foreign ones as `+CC…`.

    `010` is the Japanese international prefix and `00` the one other networks pass on; a number of 11 or more digits
    that does not begin with 0 can only be a foreign one whose prefix was lost on the way.
    """
    plain = unicodedata.normalize("NFKC", text)
    if "+" in plain:
        plain = plain.replace("(0)", "")  # `+44 (0)20…` is written with the national 0, but dialled without
    compact = re.sub(r"[^0-9+]", "", plain)
    if (prefixed := _WITH_CALLER_ID_PREFIX.fullmatch(compact)) is not None:
        compact = prefixed[1]
    digits = compact.replace("+", "")
    if compact.startswith("+"):
        foreign = digits
    elif (prefix := _TO_ABROAD.match(digits)) is not None:
        foreign = digits[prefix.end() :]
    elif digits.startswith("00") and len(digits) > 10:
        foreign = digits[2:]
    elif len(digits) >= 11 and not digits.startswith("0"):
        foreign = digits
    else:
        return digits
    national = foreign[2:].lstrip("0")
    # No Japanese number begins with 010: what claims so stays foreign instead of becoming a domestic-looking one.
    return "0" + national if foreign.startswith("81") and not national.startswith("10") else "+" + foreign


def describe(number: str) -> NumberInfo:
    """What a number in any spelling tells. Never raises."""
    normal = normalise_number(number)
    return _foreign(normal) if normal.startswith("+") else _domestic(normal)


def _domestic(number: str) -> NumberInfo:
    flags = _suffix_flags(number)
    if len(number) == 3 and number.startswith("1"):
        return NumberInfo(number, number, "service", _SHORT_CODES.get(number, _KIND_NAMES["service"]), "JP", flags)
    parsed = _parse(number, "JP") if number.startswith("0") else None
    kind = "unassigned" if parsed is None else _KINDS.get(phonenumbers.number_type(parsed), "unassigned")
    area = _area(number) if kind in ("fixed", "unassigned") and len(number) == 10 else None
    if area is not None:
        kind = "fixed"  # also where the library does not know a new block of numbers yet
    written = number if parsed is None or kind == "unassigned" else _written(parsed, PhoneNumberFormat.NATIONAL)
    return NumberInfo(number, written, kind, area or _KIND_NAMES[kind], "JP", flags)


def _foreign(number: str) -> NumberInfo:
    flags = _suffix_flags(number)
    code = _calling_code(number)
    if code is None:
        return NumberInfo(number, number, "international", _NO_SUCH_CODE, None, flags | {"unassigned_country_code"})
    if code in abuse_reported():
        flags |= {"abuse_reported_country"}
    parsed = _parse(number, None)
    region = phonenumbers.region_code_for_number(parsed) if parsed is not None else None
    if parsed is not None and phonenumbers.number_type(parsed) == PhoneNumberType.TOLL_FREE:
        flags |= {"foreign_toll_free"}
    country: str | None = region or phonenumbers.region_code_for_country_code(code)
    if code == 1 and (region is None or "foreign_toll_free" in flags):
        name, country = _NORTH_AMERICA, None
    elif code == 81:  # `normalise_number` has found no Japanese number behind it
        name, country = _KIND_NAMES["unassigned"], None
    elif country == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        name, country = countries().get(f"+{code}", _KIND_NAMES["international"]), None
    else:
        name = countries().get(country or "", _KIND_NAMES["international"])
    written = number if parsed is None else _written(parsed, PhoneNumberFormat.INTERNATIONAL)
    return NumberInfo(number, written, "international", name, country, flags)


def _suffix_flags(number: str) -> frozenset[Flag]:
    """Police stations have numbers that end in 0110, and impostors choose such numbers, mostly from abroad."""
    like_police = number == "110" or (number.endswith("0110") and len(number) >= 8)
    return frozenset({"police_like_suffix"}) if like_police else frozenset()


def _parse(number: str, region: str | None) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _written(parsed: PhoneNumber, form: int) -> str:
    return phonenumbers.format_number(parsed, form)


def _calling_code(number: str) -> int | None:
    """The country code at the beginning; no code is the beginning of another."""
    starts = (number[1:end] for end in (2, 3, 4))
    return next(
        (int(start) for start in starts if start and int(start) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), None
    )


def _area(number: str) -> Name | None:
    names = areas()
    return next((names[number[:end]] for end in range(7, 1, -1) if number[:end] in names), None)
