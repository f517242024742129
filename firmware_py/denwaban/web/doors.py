"""The way in: choose a PIN, enter it, lock the page again; the language."""

from __future__ import annotations

import math

from starlette.responses import RedirectResponse, Response

from denwaban.web.ask import COOKIE, LANGUAGE_COOKIE, YEAR_S, Ask
from denwaban.web.pin import weak
from denwaban.web.text import LANGUAGES


def login(ask: Ask) -> Response:
    """GET and POST /login."""
    page = ask.page
    if not page.pin.is_set():
        return RedirectResponse("/setup", 303)
    if ask.request.method == "POST":
        if page.limiter.attempt(lambda: page.pin.pin_is(ask.form.get("pin", ""))):
            return _let_in(ask)
        return ask.show("login.html", 403, problem=_wrong(ask, "pin_wrong"))
    return ask.show("login.html", problem=_wait(ask))


def setup(ask: Ask) -> Response:
    """GET and POST /setup."""
    if ask.request.method == "POST":
        problem = _chosen(ask)
        if problem:
            return ask.show("setup.html", 403, problem=problem)
        return _let_in(ask)
    return ask.show("setup.html", problem=_wait(ask))


def _chosen(ask: Ask) -> str:
    """Keep the wished PIN; what is wrong where it cannot be."""
    page, pin = ask.page, ask.form.get("pin", "")
    if wait := _wait(ask):
        return wait
    if fault := weak(pin):
        return ask.text(fault)
    if pin != ask.form.get("again", ""):
        return ask.text("pin_differs")
    if not page.household.button_pressed() and not page.limiter.attempt(
        lambda: page.pin.code_is(ask.form.get("code", ""))
    ):
        return _wrong(ask, "code_wrong")
    page.pin.choose(pin)
    return ""


def _let_in(ask: Ask) -> Response:
    session = ask.page.sessions.begin(ask.page.pin.version())
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, session.id, httponly=True, samesite="strict", path="/")
    return answer


def _wait(ask: Ask) -> str:
    wait_s = ask.page.limiter.wait_s()
    return ask.text("pin_wait", math.ceil(wait_s / 60)) if wait_s > 0 else ""


def _wrong(ask: Ask, word: str) -> str:
    return _wait(ask) or ask.text(word, ask.page.limiter.left())


def logout(ask: Ask) -> Response:
    """POST /logout."""
    if ask.session is not None:
        if ask.form.get("all") == "1":  # a lost telephone, or a forgotten tablet
            ask.page.sessions.end_all()
        ask.page.sessions.end(ask.session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def language(ask: Ask) -> Response:
    """GET /language/{language}: back to where one was, on this page only."""
    back = ask.request.query_params.get("back", "/")
    answer = RedirectResponse(back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/", 303)
    wanted = ask.request.path_params["language"]
    if wanted in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, wanted, max_age=YEAR_S, httponly=True, samesite="strict", path="/")
    return answer
