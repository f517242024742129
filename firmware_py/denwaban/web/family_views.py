"""The pages of the family: who is told, pairing a telephone, stopping a lost one, the drill."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from starlette.responses import RedirectResponse, Response

from denwaban.rules import parse_quiet_hours
from denwaban.web.ask import Ask, trouble
from denwaban.web.family_port import ContactLine, ErrandKind, Terms
from denwaban.web.port import Refused
from denwaban.web.qr import qr_svg

ROLES: Final = {
    "daughter": "娘さん",
    "son": "息子さん",
    "grandchild": "お孫さん",
    "sibling": "ご兄弟・姉妹",
    "family": "ご家族",
    "neighbour": "ご近所の方",
    "carer": "ケアマネさん",
    "office": "窓口の方",
}
"""How the household calls somebody, as the box says it aloud: the beginning of the contact's id, and the role."""
DETAILS: Final = ("transcript", "words", "minimal")
TURNS: Final = ("1", "2", "3")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def contacts(ask: Ask) -> Response:
    """GET /contacts."""
    return _show_contacts(ask, ask.text("revoked") if "revoked" in ask.request.query_params else "")


def _show_contacts(ask: Ask, note: str = "") -> Response:
    return ask.show("contacts.html", contacts=ask.family.contacts(), last_drill=ask.family.last_drill(), note=note)


def add(ask: Ask) -> Response:
    """GET /contacts/add asks who it is, POST begins the pairing."""
    if ask.request.method == "GET":
        return _show_add(ask)
    hours = "-".join(ask.form.get(name, "") for name in ("from", "to")).strip("-")
    try:
        parse_quiet_hours(hours)
    except ValueError:
        return _show_add(ask, "bad_hours")
    role, detail, turn = (ask.form.get(name, "") for name in ("role", "detail", "turn"))
    if role not in ROLES or detail not in DETAILS or turn not in TURNS:
        return trouble(ask, "failed", 400)
    name = ask.form.get("name", "").strip().lower() or _free_name(role, ask.family.contacts())
    if not _NAME.fullmatch(name):
        return _show_add(ask, "bad_name")
    ask.family.pair(Terms(name, ROLES[role], detail, int(turn), hours))
    return RedirectResponse("/contacts/errand/pair", 303)


def _show_add(ask: Ask, problem: str = "") -> Response:
    shown: dict[str, Any] = {"roles": ROLES, "details": DETAILS, "turns": TURNS, "form": ask.form}
    return ask.show("contact_add.html", 409 if problem else 200, problem=ask.text(problem) if problem else "", **shown)


def _free_name(role: str, there: tuple[ContactLine, ...]) -> str:
    """daughter, daughter-2, …: an id says nothing about the person, because the broker sees it."""
    taken = {one.name for one in there}
    names = (role if n == 1 else f"{role}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def revoke(ask: Ask) -> Response:
    """GET /contacts/{name}/revoke asks once more, POST forgets the contact."""
    name = ask.request.path_params["name"]
    if ask.request.method == "POST":
        ask.family.revoke(name)  # one that another tab has forgotten already is no error
        return RedirectResponse("/contacts?revoked=1", 303)
    found = next((one for one in ask.family.contacts() if one.name == name), None)
    if found is None or not found.paired:
        raise Refused("contact_gone")
    return ask.show("contact_revoke.html", one=found)


def test(ask: Ask) -> Response:
    """POST /contacts/{name}/test."""
    ask.family.test(ask.request.path_params["name"])
    return RedirectResponse("/contacts/errand/test", 303)


def drill(ask: Ask) -> Response:
    """GET /drill says what happens, POST begins."""
    if ask.request.method == "POST":
        ask.family.drill()
        return RedirectResponse("/contacts/errand/drill", 303)
    return ask.show("drill.html", last_drill=ask.family.last_drill())


def errand(ask: Ask) -> Response:
    """GET /contacts/errand/{kind}: how it stands. The page asks again and again; what it has seen is not sent anew."""
    kind = ask.request.path_params["kind"]
    news = ask.family.errand(cast(ErrandKind, kind)) if kind in ("pair", "test", "drill") else None
    if news is None:
        return trouble(ask, "errand_none", 404)
    seen = f"{news.state}-{len(news.steps)}"
    if ask.is_part and ask.request.query_params.get("seen") == seen:
        return Response(status_code=204)
    template = "errand_part.html" if ask.is_part else "errand.html"
    return ask.show(template, news=news, seen=seen, qr=qr_svg(news.link) if news.link else None)


def stop(ask: Ask) -> Response:
    """POST /contacts/errand/{kind}/stop."""
    kind = ask.request.path_params["kind"]
    if kind not in ("pair", "test", "drill"):
        return trouble(ask, "errand_none", 404)
    ask.family.stop(cast(ErrandKind, kind))
    return RedirectResponse("/contacts", 303)
