"""Files of numbers: what telephones and spreadsheets write is read, what cannot be used is named by its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.errors import ListError
from denwaban.phonebook import BadRow, Listed, csv_text, read_phonebook, vcard_text

DAUGHTER = Listed("0399998888", "exact", "娘")
CLINIC = Listed("0312345678", "exact", "山田医院")


def qp(text: str) -> str:
    return "".join(f"={byte:02X}" for byte in text.encode("cp932"))


# --- CSV -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize(
    "text",
    [
        "03-9999-8888,娘\n03-1234-5678,山田医院\n",
        "number,name\r\n03-9999-8888,娘\r\n03-1234-5678,山田医院\r\n",
        '氏名,住所,電話番号\n娘,"東京都, 北区",03-9999-8888\n山田医院,,０３（１２３４）５６７８\n',
        "娘,03-9999-8888\n山田医院,03-1234-5678\n",
        "# 登録\n\n03-9999-8888,娘\n,\n03-1234-5678,山田医院",
    ],
)
def test_csv_of_any_common_shape_and_encoding_is_read(text: str, encoding: str) -> None:
    book = read_phonebook(text.encode(encoding), "a.csv")
    assert book.good == (DAUGHTER, CLINIC)
    assert book.bad == ()


def test_a_bad_row_is_named_by_its_line_and_does_not_stop_the_rest() -> None:
    data = '0399998888,娘\n"two\nlines",x\n312345678,山田医院\n\n0120*,\n0399998888,again\n'.encode()
    book = read_phonebook(data, "a.csv")
    assert book.good == (DAUGHTER, Listed("0120", "prefix"))
    assert [row.line for row in book.bad] == [3, 4]
    assert "spreadsheet may have dropped the 0" in book.bad[1].why


def test_a_row_whose_end_is_no_date_is_named() -> None:
    book = read_phonebook(b"number,expires\n0312345678,2027-03-31\n0399998888,soon\n", "a.csv")
    assert [row.expires_at for row in book.good] == [1_806_418_800.0]  # midnight in Japan
    assert [row.line for row in book.bad] == [3]


@pytest.mark.parametrize("data", [b"", b"name,number\n", b"hello\nworld\n", b"BEGIN:VCARD\nFN:a\nEND:VCARD\n"])
def test_a_file_without_any_number_is_an_error_that_names_it(data: bytes) -> None:
    with pytest.raises(ListError, match=r"a\.csv: no telephone number"):
        read_phonebook(data, "a.csv")


def test_a_file_that_is_no_text_is_an_error() -> None:
    with pytest.raises(ListError, match=r"a\.xlsx: is neither UTF-8 nor cp932"):
        read_phonebook(b"PK\x03\x04\x81\x00\xff", "a.xlsx")


# --- vCard ---------------------------------------------------------------------------------------------------------

CARDS = f"""BEGIN:VCARD
VERSION:3.0
N:;娘;;;
FN:娘
item1.TEL;type=HOME;type=pref:03-9999-8888
TEL;TYPE=CELL:+81 90-1234-5678
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:{qp("山田医院")};
TEL;WORK:0312345678
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:四
TEL;VALUE=uri;TYPE="voice,home":tel:+81-3-5555-6666;ext=2
END:VCARD
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_cards_of_telephones_old_and_new_are_read(ending: str) -> None:
    book = read_phonebook(CARDS.replace("\n", ending).encode(), "a.vcf")
    assert book.good == (
        DAUGHTER,
        Listed("09012345678", "exact", "娘"),
        CLINIC,
        Listed("0355556666", "exact", "四"),
    )
    assert book.bad == ()


def test_a_broken_card_is_named_by_its_line_and_costs_the_others_nothing() -> None:
    broken = [
        "BEGIN:VCARD\nVERSION:3.0\nthis is nonsense\nTEL:0311112222\nEND:VCARD\n",
        "BEGIN:VCARD\nVERSION:3.0\nFN:no number\nEND:VCARD\n",
        "BEGIN:VCARD\nVERSION:3.0\nFN:a\nPHOTO;ENCODING=b:/9j/4\nTEL:0311113333\nEND:VCARD\n",
        "BEGIN:VCARD\nVERSION:3.0\nFN:a\nTEL:call me\nEND:VCARD\n",
        "BEGIN:VCARD\nVERSION:3.0\n",
    ]
    book = read_phonebook((broken[0] + CARDS + "".join(broken[1:])).encode(), "a.vcf")
    assert book.good[:1] == (DAUGHTER,)
    assert {row.line for row in book.bad} == {1, 23, 27, 33, 38}
    assert all(isinstance(row, BadRow) and row.why for row in book.bad)


# --- there and back ------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        Listed,
        st.sampled_from(["0312345678", "+15551234567", "0120"]),
        st.just("exact"),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), max_size=20),
        st.none() | st.sampled_from([1_806_418_800.0, 1_800_000_000.5]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda row: row.pattern,
)


@given(ROWS)
def test_csv_is_read_as_it_was_written(rows: list[Listed]) -> None:
    rows = [*rows, Listed("0120", "prefix", "toll-free")]
    assert list(read_phonebook(csv_text(rows).encode(), "a.csv").good) == rows


def test_cards_are_read_as_they_were_written_without_beginnings() -> None:
    text = vcard_text([DAUGHTER, Listed("0120", "prefix"), Listed("0312345678", "exact", "a;b, c\\d")])
    assert read_phonebook(text.encode(), "a.vcf").good == (DAUGHTER, Listed("0312345678", "exact", "a;b, c\\d"))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_file_gives_numbers_or_our_error(data: bytes) -> None:
    try:
        book = read_phonebook(data, "a.csv")
    except ListError:
        return
    assert book.good


CARD_LINES = st.lists(
    st.sampled_from(
        [
            "BEGIN:VCARD", "END:VCARD", "VERSION:2.1", "FN:a", "N:;;", "TEL:0312345678", "TEL;X=:1", ":", " folded",
            "N;CHARSET=none;ENCODING=QUOTED-PRINTABLE:=8", "PHOTO;ENCODING=b:x", "TEL;ENCODING=QUOTED-PRINTABLE:=",
            "BEGIN:VEVENT", "END:VEVENT", "item1.TEL:110", "TEL;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=FF=FE",
        ]
    )
    | st.text(max_size=12),
    max_size=12,
)  # fmt: skip


@given(CARD_LINES)
def test_any_lines_in_a_card_give_numbers_or_our_error(lines: list[str]) -> None:
    text = "\n".join(["BEGIN:VCARD", *lines, "END:VCARD"])
    try:
        book = read_phonebook(text.encode("utf-8", "replace"), "a.vcf")
    except ListError:
        return
    assert book.good
