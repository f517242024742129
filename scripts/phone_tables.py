"""Write the tables of areas and countries into a folder; run by `scripts/phone-tables`, which brings the libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import babel
import phonenumbers
from babel.core import get_cldr_version
from phonenumbers.geodata import GEOCODE_DATA

PREFECTURES = {
    "Hokkaido": "北海道", "Aomori": "青森県", "Iwate": "岩手県", "Miyagi": "宮城県", "Akita": "秋田県",
    "Yamagata": "山形県", "Fukushima": "福島県", "Ibaraki": "茨城県", "Tochigi": "栃木県", "Gunma": "群馬県",
    "Saitama": "埼玉県", "Chiba": "千葉県", "Tokyo": "東京都", "Kanagawa": "神奈川県", "Niigata": "新潟県",
    "Toyama": "富山県", "Ishikawa": "石川県", "Fukui": "福井県", "Yamanashi": "山梨県", "Nagano": "長野県",
    "Gifu": "岐阜県", "Shizuoka": "静岡県", "Aichi": "愛知県", "Mie": "三重県", "Shiga": "滋賀県",
    "Kyoto": "京都府", "Osaka": "大阪府", "Hyogo": "兵庫県", "Nara": "奈良県", "Wakayama": "和歌山県",
    "Tottori": "鳥取県", "Shimane": "島根県", "Okayama": "岡山県", "Hiroshima": "広島県", "Yamaguchi": "山口県",
    "Tokushima": "徳島県", "Kagawa": "香川県", "Ehime": "愛媛県", "Kochi": "高知県", "Fukuoka": "福岡県",
    "Saga": "佐賀県", "Nagasaki": "長崎県", "Kumamoto": "熊本県", "Oita": "大分県", "Miyazaki": "宮崎県",
    "Kagoshima": "鹿児島県", "Okinawa": "沖縄県",
}  # fmt: skip
"""libphonenumber names the prefecture in English only; a family seldom knows a small town without it."""

SHORTER = {
    "US": "アメリカ",
    "HK": "香港",
    "MO": "マカオ",
    "MM": "ミャンマー",
    "CD": "コンゴ民主共和国",
    "CG": "コンゴ共和国",
}
"""Where CLDR's Japanese name is longer than people say."""

WORLDWIDE = {
    "800": ("国際フリーフォン", "International Freephone"),
    "808": ("国際共有料金サービス", "International Shared Cost Service"),
    "870": ("衛星電話(インマルサット)", "Inmarsat satellite telephone"),
    "878": ("国際個人番号", "Universal Personal Telecommunications"),
    "881": ("衛星電話", "Global mobile satellite system"),
    "882": ("国際ネットワーク", "International networks"),
    "883": ("国際ネットワーク", "International networks"),
    "888": ("国際救援活動", "Telecommunications for disaster relief"),
    "979": ("国際有料情報サービス", "International premium rate service"),
}
"""Codes that belong to no country (ITU-T E.164 assignments)."""


def areas() -> Iterable[tuple[str, str, str]]:
    """National prefix, Japanese name with prefecture where it is known, English name (may be empty)."""
    japan = {prefix: names for prefix, names in GEOCODE_DATA.items() if prefix.startswith("81")}
    japanese = {names["en"]: names["ja"] for names in japan.values() if len(names) == 2}
    for prefix, names in sorted(japan.items()):
        english = names.get("en", "")
        town = names.get("ja") or japanese.get(english, english.split(",")[0])
        prefecture = PREFECTURES.get(english.rpartition(", ")[2], "")
        known = prefecture in ("", town) or prefecture.startswith(town)
        yield "0" + prefix[2:], town if known else f"{town}({prefecture})", english


def countries() -> Iterable[tuple[str, str, str]]:
    """ISO 3166 code, or + and a calling code, with Japanese and English name."""
    japanese, english = (babel.Locale(language).territories for language in ("ja", "en"))
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        yield region, SHORTER.get(region, japanese[region]), english[region]
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        yield (f"+{code}", *WORLDWIDE[str(code)])


def write(path: Path, head: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """A table of three columns parted by tabs, behind lines of comment."""
    made = f"Made by scripts/phone-tables on {datetime.now(UTC):%Y-%m-%d}; do not edit."
    comment = "".join(f"# {line}\n" for line in [*head.splitlines(), made])
    path.write_text(comment + "".join("\t".join(row) + "\n" for row in rows), "utf-8")


def main() -> None:
    """Both tables."""
    folder = Path(sys.argv[1])
    write(
        folder / "areas.tsv",
        "Prefix, area in Japanese, area in English.\n"
        f"Source: libphonenumber {phonenumbers.__version__} (https://github.com/google/libphonenumber).\n"
        "Licence: Apache-2.0. Changed: Japanese names carry the prefecture.",
        areas(),
    )
    write(
        folder / "countries.tsv",
        "Region, name in Japanese, name in English.\n"
        f"Source: Unicode CLDR {get_cldr_version()} by babel {babel.__version__}; a few names shortened.\n"
        "Copyright Unicode, Inc. Licence: Unicode-3.0 (https://www.unicode.org/license.txt).\n"
        "Codes with + belong to no country: ITU-T, list of E.164 country codes.",
        countries(),
    )


if __name__ == "__main__":
    main()
