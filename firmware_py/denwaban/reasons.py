"""A decision's reason in words, for people. The codes come from `screening.decide` and stand in call records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in each language."""

    ja: str
    en: str


_CLASS: Final = {
    "domestic": Words("登録されていない国内の番号なので、", "A number in Japan that is on no list"),
    "international": Words("海外からの電話なので、", "A call from abroad"),
    "reported_abroad": Words(
        "迷惑電話の報告が多い国か、存在しない国番号からなので、",
        "From a country with many reports of abuse, or with no country's code",
    ),
    "withheld": Words("番号を通知しない電話なので、", "The number was withheld"),
    "payphone": Words("公衆電話からなので、", "A payphone"),
    "out_of_area": Words("番号を表示できない所からなので、", "A network that cannot pass a number on"),
    "no_report": Words("番号の知らせがなかったので、", "No number came"),
}
_ACTION: Final = {
    "allow": Words("設定のとおり、そのまま鳴らしました。", "it rang through, as set."),
    "screen": Words("まず箱が応対しました。", "the box answered first."),
    "refuse": Words("お断りしました。", "it was refused."),
}
_HOW_TO_GET_THROUGH: Final = Words(
    "お断りし、一八六をつけてかけ直すように伝えました。", "it was refused and told to dial 186 first."
)
_RULE: Final = {
    "allow:known": Words("登録された番号なので、そのまま鳴らしました。", "On the allow list: it rang through."),
    "allow:known:prefix": Words(
        "「{}」で始まる番号は通すと登録されているので、そのまま鳴らしました。",
        "Numbers beginning with {} are on the allow list: it rang through.",
    ),
    "allow:called": Words(
        "ご家庭から先にかけた番号なので、そのまま鳴らしました。",
        "The household had telephoned this number itself: it rang through.",
    ),
    "allow:let_through": Words(
        "「次の一本は通す」と決めてあったので、そのまま鳴らしました。",
        "The next unknown caller was to be let through: it rang.",
    ),
    "allow:called_back": Words(
        "ご家庭が少し前に電話をかけたので、折り返しかもしれないと考え、そのまま鳴らしました。",
        "The household had telephoned shortly before and may be called back: it rang through.",
    ),
    "allow:fax": Words(
        "少し前にファクスの音を送ってきた相手なので、そのまま鳴らしました。",
        "Shortly before this caller had sent a fax tone: it rang through.",
    ),
    "screen:joined": Words(
        "ご家庭が先に電話に出たので、箱は途中から聞きました。",
        "The household answered first: the box listened from then on.",
    ),
    "screen:outgoing": Words(
        "ご家庭からかけた電話を、設定のとおり、箱も聞きました。",
        "The household telephoned: the box listened, as set.",
    ),
    "refuse:blocked": Words(
        "お断りする番号として登録されているので、お断りしました。", "On the block list: it was refused."
    ),
    "refuse:blocked:prefix": Words(
        "「{}」で始まる番号はお断りと登録されているので、お断りしました。",
        "Numbers beginning with {} are on the block list: it was refused.",
    ),
    "refuse:quiet_hours": Words(
        "お休みの時間に、登録されていない所からかかったので、お断りしました。",
        "An unknown caller in the quiet hours: it was refused.",
    ),
    "screen:stop_list": Words(
        "警察などが注意を呼びかけている番号なので、まず箱が応対しました。",
        "On a stop-list that was imported: the box answered first.",
    ),
    "screen:stop_list:prefix": Words(
        "「{}」で始まる番号に警察などが注意を呼びかけているので、まず箱が応対しました。",
        "Numbers beginning with {} are on a stop-list that was imported: the box answered first.",
    ),
    "screen:no_service": Words(
        "番号が表示されない回線では、お断りはせず、まず箱が応対します。",
        "A line without number service refuses nobody: the box answered first.",
    ),
    "none": Words(
        "決める前に、鳴りやんだか、ご家庭が電話に出ました。",
        "Nothing was decided: the ringing stopped, or the household answered first.",
    ),
}


_OUTCOME: Final = {
    "left_alone": Words("そのまま鳴らしました", "it rang through"),
    "refused": Words("お断りしました", "refused"),
    "repelled": Words("「録音しています」と聞いて、相手が切りました", "hung up at the recording notice"),
    "unanswered": Words("だれも電話に出ませんでした", "nobody came to the telephone"),
    "message": Words("相手が伝言を残しました", "the caller left a message"),
    "fax": Words("ファクスでした", "a fax machine"),
    "screened": Words("箱が話を聞いて、見守りました", "the box listened"),
    "line_failed": Words("箱が働けず、見守れませんでした", "the box was out of order"),
}
_CUT_OFF: Final = Words("途中で記録が切れました(停電など)", "the record breaks off, as after a power failure")


def explain_outcome(outcome: str | None) -> Words:
    """How a call ended; None where its record has no end."""
    return _CUT_OFF if outcome is None else _OUTCOME.get(outcome, Words(outcome, outcome))


def explain(reason: str) -> Words:
    """One sentence for a reason; for a code that is not ours (an older record), the code itself."""
    rule, _, pattern = reason.partition(":prefix:")
    if words := _RULE.get(f"{rule}:prefix" if pattern else rule):
        return Words(words.ja.format(pattern), words.en.format(pattern))
    action, _, kind = reason.partition(":")
    if action not in _ACTION or kind not in _CLASS:
        return Words(reason, reason)
    done = _HOW_TO_GET_THROUGH if reason == "refuse:withheld" else _ACTION[action]
    return Words(_CLASS[kind].ja + done.ja, f"{_CLASS[kind].en}: {done.en}")


def short(reason: str) -> str:
    """The reason for a column of a table: `refuse: blocked 0120…`."""
    action, _, rest = reason.partition(":")
    what, _, pattern = rest.partition(":prefix:")
    shown = f"{action}: {what.replace('_', ' ')}" if what else action
    return f"{shown} {pattern}…" if pattern else shown
