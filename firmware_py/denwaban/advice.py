"""What is said in the room when a call turns suspicious: a warning, then one line of advice for the kind of call."""

from __future__ import annotations

from typing import Final

from denwaban.events import Level

ADVICE: Final = {
    "kin": "advice_kin",
    "police": "advice_police",
    "savings": "advice_card",
    "card_theft": "advice_card",
    "refund": "advice_atm",
    "billing": "advice_pay",
    "loan": "advice_pay",
    "invest": "advice_pay",
    "gambling": "advice_pay",
    "dating": "advice_pay",
    "prize": "advice_pay",
    "recovery": "advice_pay",
    "side_job": "advice_pay",
    "telecom": "advice_keypad",
    "insurance_card": "advice_keypad",
    "parcel": "advice_keypad",
    "power": "advice_keypad",
    "support": "advice_support",
    "probe": "advice_probe",
    "inspection": "advice_sales",
    "purchase": "advice_sales",
    "roof_claim": "advice_sales",
    "telecom_sales": "advice_sales",
    "solar": "advice_sales",
    "property": "advice_sales",
    "other_sales": "advice_sales",
}
"""The prompt for each category of the detector. Kinds that ask for the same thing share the line that refuses it."""


def for_household(prompt: str, *, tells_family: bool) -> str:
    """The wording that is true for this household: nobody may be told that the family knows when nobody is told."""
    return prompt if tells_family else f"{prompt}_alone"


def spoken_warnings(level: Level, category: str, *, tells_family: bool) -> tuple[str, ...]:
    """Prompts for a level that was just reached, in order."""
    advice = ADVICE.get(category)
    if level is Level.ALERT:
        warning = for_household("scam_warning", tells_family=tells_family)
        return (warning, advice) if advice else (warning,)
    # A mere suspicion names no kind of scam; a sales pitch may be called one.
    return ("caution_warning", advice) if advice == "advice_sales" else ("caution_warning",)
