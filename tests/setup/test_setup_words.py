"""Sentences: every key in both languages, none without use; the summary word for word."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from denwaban.config import Config, LineConfig
from denwaban.events import CallerId
from denwaban.line.encoding import Encoding
from denwaban.line.probe import ModemFacts
from denwaban.line.profiles import PROFILES
from denwaban.ports import Capabilities
from denwaban.setup import steps, wizard
from denwaban.setup.levels import VoiceLevel
from denwaban.setup.steps import Cue, found
from denwaban.setup.summary import summarise
from denwaban.setup.trial import Measured
from denwaban.setup.words import Language, Words, read_words

PACKAGE = Path(steps.__file__).parents[1]
SETUP = [path for path in (PACKAGE / "setup").glob("*.py") if path.name != "virtual.py"]
SOURCES = [*SETUP, PACKAGE / "cli" / "setup.py", PACKAGE / "cli" / "terminal.py"]
TABLE = read_words()


def texts() -> Iterator[tuple[str, str, str]]:
    """(kind and key, Japanese, English) of every pair of sentences."""
    for kind, keys in TABLE.items():
        for key, row in keys.items():
            for name in {name.removesuffix("ja").removesuffix("en") for name in row}:
                yield f"{kind}.{key}.{name}", row.get(f"{name}ja", ""), row.get(f"{name}en", "")


def holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(("key", "ja", "en"), list(texts()))
def test_every_sentence_is_there_in_both_languages_with_the_same_values(key: str, ja: str, en: str) -> None:
    assert ja, key
    assert en, key
    assert holes(ja) == holes(en)
    assert re.search(r"[ぁ-んァ-ン一-龥]|^\{", ja), "not Japanese"


def literals(path: Path) -> Iterator[str]:
    """Every string of the source, as a pattern; the values in an f-string may be anything."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield re.escape(node.value)


def test_no_sentence_is_without_use() -> None:
    used = {pattern for path in SOURCES for pattern in literals(path) if pattern != r"\w+"}
    keys = {key for kind in ("say", "found", "ask") for key in TABLE[kind]}
    assert {key for key in keys if not any(re.fullmatch(pattern, key) for pattern in used)} == set()


def called(name: str) -> Iterator[str]:
    """First arguments of calls, as patterns."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name and node.args:
                yield from (pattern for pattern in literals_of(node.args[0]) if pattern != r"\w+")


def literals_of(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.IfExp():
            yield from literals_of(node.body)
            yield from literals_of(node.orelse)
        case ast.JoinedStr():
            yield "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values
            )
        case ast.Constant(str(value)):
            yield re.escape(value)


@pytest.mark.parametrize(
    ("function", "kind"), [("found", "found"), ("say", "say"), ("_ask", "ask"), ("stopped", "say")]
)
def test_every_key_in_the_source_has_a_sentence(function: str, kind: str) -> None:
    patterns = set(called(function))
    assert patterns
    assert {pattern for pattern in patterns if not any(re.fullmatch(pattern, key) for key in TABLE[kind])} == set()


def test_every_step_and_cue_has_its_sentences() -> None:
    assert set(TABLE["step"]) == set(steps.STEPS)
    assert set(TABLE["cue"]) == set(get_args(Cue))


def test_every_note_about_a_family_is_known_in_japanese() -> None:
    assert {note for profile in PROFILES.values() for note in profile.notes} == set(wizard.NOTED)


# --- the summary, word for word ----------------------------------------------------------------------------------

MODEM = Capabilities(can_announce=True, can_cut=False, hears_outgoing=False, separate_sides=False, shows_caller=True)
FACTS = ModemFacts(
    name="CONEXANT CX93001",
    family="conexant",
    title="Conexant",
    revision="0.2002",
    unusable="",
    encoding=Encoding(1, "linear8"),
    select_audio="",
    japan="set",
    caller_id="unproven",
    senses_extension=True,
    reports_busy=True,
    notes=(),
)
ON_THE_LINE = Config(line=LineConfig(port="/dev/x"))
WITHOUT_NUMBERS = Config(line=LineConfig(port="/dev/x", number_service=False))


def voice(dbfs: float) -> VoiceLevel:
    return VoiceLevel(4.0, dbfs, 0.0)


def told(measured: Measured | None, config: Config = ON_THE_LINE, language: Language = "ja") -> list[str]:
    words = Words(language)
    mark = {"ok": "✓", "note": "!", "bad": "✗"}
    return [
        f"{mark[finding.state]} {words.finding(finding)}" + (f" → {out}" if (out := words.way_out(finding)) else "")
        for finding in summarise(MODEM, FACTS, measured, config)
    ]


CANNOT = [
    "! 箱から電話を切ることは、できません。危ないときは、部屋で「電話を切ってください」と話します。",
    "! 箱より先に受話器を取った電話と、家からかけた電話は、聞けません。",
]


def test_the_summary_of_a_good_line() -> None:
    measured = Measured(rings=1, caller=CallerId(number="0312345678"), answered=True, warning_heard=True)
    measured.far, measured.near, measured.pickup_sensed = voice(-24.0), voice(-15.0), True
    measured.end_noticed, measured.released_s = True, 0.8
    assert told(measured) == [
        "✓ 知らない番号からの電話に箱が先に出て、録音することを伝えます。",
        "✓ 相手の番号がわかります。登録した人からの電話は、これまでどおり鳴ります。",
        "✓ 相手の声も、家の人の声も、聞き取れます。",
        "✓ 家の人の声の方が 9 dB 大きく、相手と聞き分けられそうです。",
        "✓ 通話中に受話器が上がると、わかります。",
        "✓ 通話が終わると、すぐに回線を空けます。",
        *CANNOT,
    ]


def test_the_summary_of_a_difficult_line() -> None:
    measured = Measured(rings=2, answered=True, warning_heard=False, pickup_sensed=False, end_noticed=False)
    measured.far, measured.near = voice(-14.0), voice(-22.0)
    assert told(measured, WITHOUT_NUMBERS) == [
        "✗ 録音のお知らせが相手に聞こえません。直るまで、使わないでください。",
        "! 番号のサービスがないので、家族や知人からの電話にも、箱が先に出ます。 → NTT(116)などに"
        "「ナンバー・ディスプレイ」を申し込むと、登録した人は、箱を通さずに鳴らせます。",
        "✓ 相手の声も、家の人の声も、聞き取れます。",
        "! 相手の声の方が 8 dB 大きくなりました。相手と家の人を取りちがえるおそれがあります。 → "
        "家の人が小さな声だったのなら、もう一度試す。同じなら、この結果を窓口に伝える。",
        "! 受話器が上がったかどうかは、声で判断します。",
        "✗ 通話が終わってもわからず、長いと120分、回線を使い続けます。",
        *CANNOT,
    ]


def test_the_summary_without_a_call_claims_nothing_that_was_not_tried() -> None:
    assert told(None) == [
        "✓ 知らない番号からの電話に箱が先に出て、録音することを伝えます。",
        "! 相手の番号がわかるかどうかは、試していません。",
        "✓ 通話中に受話器が上がると、わかります。",
        *CANNOT,
        "! 電話の試験をしていません。 → 貸し出す前に、もう一度 denwaban setup をして、電話の試験まで行う。",
    ]


def test_the_summary_speaks_english_too() -> None:
    assert told(None, language="en")[0] == "✓ answers unknown callers first and says that the call is recorded"


def test_a_missing_sentence_is_an_error() -> None:
    with pytest.raises(KeyError):
        Words("ja").finding(found("no such thing"))
