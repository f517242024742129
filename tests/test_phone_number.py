"""One form for all spellings of a number, and what a number tells."""

from __future__ import annotations

import re
import statistics
import time
import tomllib
from datetime import date
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

import denwaban
from denwaban.phone_names import abuse_reported, areas, countries
from denwaban.phone_number import Flag, Kind, describe, normalise_number

NATIONAL = st.from_regex(r"0[1-9][0-9]{7,9}", fullmatch=True).filter(lambda n: not n.startswith("010"))
FOREIGN = st.from_regex(r"(1[2-9]|[2-79][1-9])[0-9]{7,10}", fullmatch=True).filter(lambda n: not n.startswith("81"))
ANYTHING = st.text(max_size=40) | st.text("0123456789+-()０９ ", max_size=40)
TABLES = Path(denwaban.__file__).parent / "numbering"


# --- one form ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("03-1234-5678", "0312345678"),
        ("０３（１２３４）５６７８", "0312345678"),
        ("+81312345678", "0312345678"),
        ("＋８１ ３ １２３４ ５６７８", "0312345678"),
        ("+81 (0)3-1234-5678", "0312345678"),
        ("+81(0)3-1234-5678", "0312345678"),
        ("010 81 3 1234 5678", "0312345678"),
        ("0081312345678", "0312345678"),
        ("090-1234-5678", "09012345678"),
        ("011-222-3333", "0112223333"),  # Sapporo, not the prefix 010
        ("184-03-1234-5678", "0312345678"),
        ("186 090 1234 5678", "09012345678"),
        ("186-010-1-555-123-4567", "+15551234567"),
        ("184 +81 3 1234 5678", "0312345678"),
        ("+1 555 123 4567", "+15551234567"),
        ("+44 (0)20 7946 0000", "+442079460000"),
        ("0101555123456", "+1555123456"),
        ("00 1 555 123 4567", "+15551234567"),
        ("0010 1 555 123 4567", "+15551234567"),
        ("001 010 1 555 123 4567", "+15551234567"),  # 001, 0033, 0091…: codes of carriers
        ("0033-010-1-555-123-4567", "+15551234567"),
        ("009130-010-1-555-123-4567", "+15551234567"),
        ("005345-010-1-555-123-4567", "+15551234567"),
        ("15551234567", "+15551234567"),
        ("18403123456", "+18403123456"),  # California, not 184 in front of a number
        ("110", "110"),
        ("184", "184"),
        ("", ""),
    ],
)
def test_a_number_has_one_form(written: str, normal: str) -> None:
    assert normalise_number(written) == normal


@given(NATIONAL)
def test_a_japanese_number_is_the_same_however_it_is_dialled(number: str) -> None:
    spellings = [
        number, "+81" + number[1:], "+81(0)" + number[1:], "01081" + number[1:], "0033010" + "81" + number[1:],
        f"{number[:2]}-{number[2:6]}-{number[6:]}",
    ]  # fmt: skip
    assert {normalise_number(spelling) for spelling in spellings} == {number}


@given(FOREIGN)
def test_a_foreign_number_is_the_same_however_it_is_dialled(number: str) -> None:
    spellings = ["+" + number, "010" + number, "0010" + number, "001010" + number, "184010" + number]
    assert {normalise_number(spelling) for spelling in spellings} == {"+" + number}


@pytest.mark.parametrize("number", ["+81 10 1 555 123 4567", "+81 010 1 555 123 4567", "0081101555123456", "010 0123"])
def test_no_foreign_number_passes_as_a_japanese_one(number: str) -> None:
    assert normalise_number(number).startswith("+")


@given(ANYTHING)
def test_any_text_normalises_to_digits_and_stays_so(text: str) -> None:
    normal = normalise_number(text)
    assert re.fullmatch(r"\+?[0-9]*", normal)
    assert normalise_number(normal) == normal


# --- what it tells -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "written", "kind", "name"),
    [
        ("0312345678", "03-1234-5678", "fixed", "東京"),
        ("+81 6 6123 4567", "06-6123-4567", "fixed", "大阪"),
        ("0166123456", "0166-12-3456", "fixed", "旭川(北海道)"),
        ("09012345678", "090-1234-5678", "mobile", "携帯電話"),
        ("07012345678", "070-1234-5678", "mobile", "携帯電話"),
        ("05012345678", "050-1234-5678", "ip", "IP電話"),
        ("0120123456", "0120-123-456", "toll_free", "フリーダイヤル"),
        ("08001234567", "0800-123-4567", "toll_free", "フリーダイヤル"),
        ("0570123456", "0570-123-456", "navi", "ナビダイヤル"),
        ("119", "119", "service", "消防・救急への緊急通報用の番号"),
        ("199", "199", "service", "サービス用の番号"),
        ("0000000000", "0000000000", "unassigned", "割り当てのない番号"),
        ("12345", "12345", "unassigned", "割り当てのない番号"),
        ("", "", "unassigned", "割り当てのない番号"),
    ],
)
def test_japanese_numbers_are_described(number: str, written: str, kind: Kind, name: str) -> None:
    info = describe(number)
    assert (info.written, info.kind, info.label_ja, info.country) == (written, kind, name, "JP")


@pytest.mark.parametrize(
    ("number", "written", "country", "name"),
    [
        ("0101 212 555 1234", "+1 212-555-1234", "US", "アメリカ"),
        ("+1 604 555 1234", "+1 604-555-1234", "CA", "カナダ"),
        ("+44 20 7946 0000", "+44 20 7946 0000", "GB", "イギリス"),
        ("+86 10 1234 5678", "+86 10 1234 5678", "CN", "中国"),
        ("+7 701 234 5678", "+7 701 234 5678", "KZ", "カザフスタン"),
        ("+1 800 555 0199", "+1 800-555-0199", None, "アメリカ・カナダなど(フリーダイヤル)"),
        ("+1 999", "+1999", None, "アメリカ・カナダなど"),
        ("+881 6 123 45678", "+881 6 123 45678", None, "衛星電話"),
        ("+295 123 4567", "+2951234567", None, "存在しない国番号"),
        ("+81 10 1 555 123 4567", "+81 1015551234567", None, "割り当てのない番号"),
    ],
)
def test_foreign_numbers_are_described(number: str, written: str, country: str | None, name: str) -> None:
    info = describe(number)
    assert (info.written, info.kind, info.country, info.label_ja) == (written, "international", country, name)


@pytest.mark.parametrize(
    ("number", "flags"),
    [
        ("0312345678", set()),
        ("03-3581-0110", {"police_like_suffix"}),
        ("110", {"police_like_suffix"}),
        ("+1 800 555 0110", {"police_like_suffix", "foreign_toll_free"}),
        ("+670 7723 0110", {"police_like_suffix", "abuse_reported_country"}),
        ("+53 5 123 4567", {"abuse_reported_country"}),
        ("+801 419 0110", {"police_like_suffix", "unassigned_country_code"}),
        ("+295 123 4567", {"unassigned_country_code"}),
        ("+", {"unassigned_country_code"}),
        ("+44 20 7946 0000", set()),
    ],
)
def test_signs_of_a_false_number_are_flagged(number: str, flags: set[Flag]) -> None:
    assert describe(number).flags == flags


@pytest.mark.parametrize("code", [*range(801, 808), 210, 295, 999])
def test_codes_of_no_country_are_known_as_such(code: int) -> None:
    assert "unassigned_country_code" in describe(f"+{code}1234567").flags


@given(ANYTHING | NATIONAL | FOREIGN.map("+".__add__))
def test_any_text_is_described(text: str) -> None:
    info = describe(text)
    assert info.number == normalise_number(text)
    assert info.name.ja
    assert (info.kind == "international") == info.number.startswith("+")


def test_describing_takes_less_than_a_millisecond() -> None:
    numbers = ["0312345678", "09012345678", "+18005550110", "+16701234567", "+2951234567", "0120123456"]
    for number in numbers:
        describe(number)  # the first number of a country compiles its patterns
    spent = []
    for number in numbers * 30:
        began = time.perf_counter()
        describe(number)
        spent.append(time.perf_counter() - began)
    assert statistics.median(spent) < 0.001


# --- the tables ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["areas.tsv", "countries.tsv"])
def test_a_table_tells_source_licence_and_date(name: str) -> None:
    lines = (TABLES / name).read_text("utf-8").splitlines()
    head = "\n".join(line for line in lines if line.startswith("#"))
    assert all(re.search(word, head) for word in ("Source: ", "Licence: ", r"on 20\d\d-\d\d-\d\d"))
    keys = [line.split("\t")[0] for line in lines if not line.startswith("#")]
    assert len(keys) == len(set(keys))
    assert keys == sorted(keys, key=lambda key: (key.startswith("+"), key))


def test_areas_cover_japan() -> None:
    assert all(re.fullmatch(r"0[1-9][0-9]{0,4}", prefix) for prefix in areas())
    assert len(areas()) > 1000
    assert all(name.ja for name in areas().values())


def test_every_country_of_the_library_has_a_name() -> None:
    codes = {f"+{code}" for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS}
    assert set(countries()) == phonenumbers.SUPPORTED_REGIONS | codes
    assert all(name.ja and name.en for name in countries().values())


def test_codes_with_reported_abuse_are_dated_and_in_use() -> None:
    table = tomllib.loads((TABLES / "abuse.toml").read_text("utf-8"))
    assert table["source"]
    assert isinstance(table["entered"], date)
    assert abuse_reported() <= set(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
