"""What the family reads: for each category of the detector, the kind of call and one line of advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CategoryWords:
    """`kind` fits after 「この電話は…の疑いがあります」; those of `help` and `test` stand alone."""

    kind: str
    kind_en: str
    advice: str


_WORDS: Final = {
    # scams
    "kin": CategoryWords(
        "家族や親族を名乗る詐欺",
        "someone posing as a relative",
        "名乗られた家族に、前から知っている番号で電話して確かめてください。お金を人に渡すのは止めてください。",
    ),
    "police": CategoryWords(
        "警察官や検事を名乗る詐欺",
        "fake police or prosecutor",
        "本物の警察は電話でお金の話をしません。電話を切り、#9110か近くの警察署に相談してください。",
    ),
    "savings": CategoryWords(
        "預金や口座を口実にした詐欺",
        "bank account pretext",
        "カードも通帳も人に渡さず、暗証番号は誰にも言わないよう伝えてください。来訪者には玄関を開けないでください。",
    ),
    "card_theft": CategoryWords(
        "キャッシュカードを狙う詐欺",
        "cash card theft",
        "これから人が来るかもしれません。カードを出さず、玄関を開けず、110番するよう伝えてください。",
    ),
    "billing": CategoryWords(
        "身に覚えのない料金を求める詐欺",
        "fictitious bill",
        "払わず、電子マネーの番号も伝えないでください。連絡し直す必要もありません。",
    ),
    "refund": CategoryWords(
        "還付金があると言ってATMへ誘う詐欺",
        "refund at the ATM",
        "ATMでお金が戻ることはありません。ATMに向かっていないか、すぐ電話で確かめてください。",
    ),
    "loan": CategoryWords(
        "融資の前に保証金を求める詐欺",
        "advance fee for a loan",
        "借りる前に払うお金はありません。何も振り込まないよう伝えてください。",
    ),
    "invest": CategoryWords(
        "もうけ話や名義貸しの詐欺",
        "investment or name lending",
        "契約も送金もせず、188(消費者ホットライン)に相談してください。名前を貸したと言われても払う必要はありません。",
    ),
    "gambling": CategoryWords(
        "当たる番号や攻略法を売る詐欺",
        "sure win at gambling",
        "必ず当たる方法はありません。情報料を払わないよう伝えてください。",
    ),
    "dating": CategoryWords(
        "交際や紹介の名目でお金を取る詐欺",
        "dating fees",
        "登録料や保証金を払わず、188に相談してください。責めずに話を聞いてあげてください。",
    ),
    "prize": CategoryWords(
        "当選を口実にした詐欺",
        "prize or lottery",
        "受け取るために先に払うお金はありません。手数料を払わないよう伝えてください。",
    ),
    "recovery": CategoryWords(
        "被害金を取り戻すと言う詐欺",
        "recovery of earlier losses",
        "一度の被害のあとを狙う電話です。着手金を払わず、警察(#9110)に相談してください。",
    ),
    "telecom": CategoryWords(
        "電話が止まると脅す詐欺",
        "phone will be cut off",
        "総務省などの役所が自動音声で利用停止を知らせることはありません。番号を押さずに切るよう伝えてください。",
    ),
    "insurance_card": CategoryWords(
        "保険証や役所を口実にした詐欺",
        "health insurance card pretext",
        "生年月日や口座を伝えず切り、役所の代表番号を自分で調べて確かめてください。",
    ),
    "parcel": CategoryWords(
        "荷物や郵便を口実にした詐欺",
        "parcel or customs pretext",
        "個人情報を伝えず切り、配送会社の番号を自分で調べて確かめてください。",
    ),
    "power": CategoryWords(
        "電気やガスが止まると脅す詐欺",
        "power will be cut off",
        "自動音声で停電を予告し番号を押させるのは詐欺の手口です。切って、検針票にある番号で確かめてください。",
    ),
    "support": CategoryWords(
        "パソコンの修理を装う詐欺",
        "fake computer support",
        "パソコンの電源を切り、言われたソフトを入れず、電子マネーを買わないよう伝えてください。",
    ),
    "probe": CategoryWords(
        "一人暮らしや手元のお金を探る電話",
        "probing for cash at home",
        "強盗の下調べのことがあります。戸締まりを確かめ、聞かれたことを警察(#9110)に伝えてください。",
    ),
    "side_job": CategoryWords(
        "副業を口実にした詐欺",
        "side job fees",
        "始めるために払うお金は戻りません。画面を見せたり借金をしたりしないよう伝えてください。",
    ),
    # not the detector's: the household pressed the button
    "help": CategoryWords(
        "ご本人がボタンで助けを求めています",
        "the household asks for help",
        "すぐにご本人へ電話してください。つながらなければ、近くの人に見てきてもらうか、110番か119番へ。",
    ),
    # nor is this: `denwaban contacts test`
    "test": CategoryWords(
        "お試しの知らせ",
        "a test message",
        "箱からの知らせが届くかどうか、試しています。何もしなくて大丈夫です。",
    ),
    # pushy selling
    "inspection": CategoryWords(
        "点検を口実にした訪問販売",
        "inspection as a sales pretext",
        "その場で契約しないよう伝え、訪問の約束は断ってください。困ったときは188へ。",
    ),
    "purchase": CategoryWords(
        "不用品の買い取りを口実にした訪問",
        "buying up valuables",
        "貴金属を見せず、家に入れないよう伝えてください。渡した物は8日以内なら取り戻せます。188へ。",
    ),
    "roof_claim": CategoryWords(
        "保険金で直せると誘う修理の勧誘",
        "repair on insurance money",
        "契約の前に、加入している保険会社に自分で電話して確かめてください。",
    ),
    "telecom_sales": CategoryWords(
        "電話や光回線の切り替えの勧誘",
        "telecom switching",
        "その場で返事をせず、契約中の会社に確かめてください。8日以内なら解約できます。188へ。",
    ),
    "solar": CategoryWords(
        "太陽光発電の勧誘",
        "solar panels",
        "その場で契約せず、家族で話してからにしてください。困ったときは188へ。",
    ),
    "property": CategoryWords(
        "マンションや土地の勧誘",
        "property sales",
        "会う約束をせず、はっきり断るよう伝えてください。困ったときは188へ。",
    ),
    "other_sales": CategoryWords(
        "強引な勧誘",
        "pushy selling",
        "その場で返事をせず、家族で話してからにしてください。困ったときは188へ。",
    ),
}

_OTHER: Final = CategoryWords(
    "不審な電話", "suspicious call", "ご本人に電話し、何を頼まれたかを聞いてください。迷ったら#9110へ。"
)


def words_for(category: str) -> CategoryWords:
    """Words of a category; those of a merely suspicious call when the category is harmless or not known here."""
    return _WORDS.get(category, _OTHER)


def known_categories() -> frozenset[str]:
    """Categories with words of their own."""
    return frozenset(_WORDS)
