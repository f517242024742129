"""What comes with one request: who asks, in which language, with which form; and how a page is answered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from denwaban.errors import StoreError
from denwaban.web.curve import clock_time, marked
from denwaban.web.family_port import Family
from denwaban.web.pin import Limiter, PinFile
from denwaban.web.port import Household, Refused, Unavailable, Why
from denwaban.web.sessions import Session, Sessions
from denwaban.web.text import LANGUAGES, Text

COOKIE: Final = "denwaban"
LANGUAGE_COOKIE: Final = "language"
YEAR_S: Final = 31_536_000


@dataclass(frozen=True, slots=True)
class Page:
    """What all handlers share."""

    household: Household
    family: Family
    pin: PinFile
    limiter: Limiter
    sessions: Sessions
    wall: Callable[[], float]
    templates: Environment


def environment() -> Environment:
    """Jinja with escaping; a misspelt name in a template is an error."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(marked=marked, clock_time=clock_time)
    return templates


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of somebody who is logged in (`session`), or not yet."""

    page: Page
    request: Request
    session: Session | None
    form: Mapping[str, str]
    text: Text

    @property
    def household(self) -> Household:
        return self.page.household

    @property
    def family(self) -> Family:
        return self.page.family

    @property
    def is_part(self) -> bool:
        """Whether htmx asks, which wants a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        values = {"note": "", "problem": "", **values}
        csrf = self.session.csrf if self.session else ""
        html = self.page.templates.get_template(template).render(
            t=self.text, csrf=csrf, path=self.request.url.path, part=self.is_part, inside=self.session is not None,
            **values,
        )  # fmt: skip
        return HTMLResponse(html, status)

    def number(self, name: str, least: int = 1) -> int:
        """A whole number of the query; `least` where there is none."""
        text = self.request.query_params.get(name, "")
        return max(least, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else least


Handler = Callable[[Ask], Response]


def handled(page: Page, handler: Handler, *, open_to_all: bool = False) -> Callable[[Request], Any]:
    """An endpoint around a handler: session, language, form and CSRF token before it, plain words for errors after."""

    async def endpoint(request: Request) -> Response:
        session = page.sessions.find(request.cookies.get(COOKIE), await run_in_threadpool(page.pin.version))
        fields = await request.form() if request.method == "POST" else {}
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        language = request.cookies.get(LANGUAGE_COOKIE, "")
        text = Text(language if language in LANGUAGES else "ja", page.wall())
        ask = Ask(page, request, session, form, text)
        if not open_to_all:
            if session is None:
                return _to_login(ask)
            if request.method == "POST" and not secrets.compare_digest(
                form.get("csrf", "").encode(), session.csrf.encode()
            ):
                return trouble(ask, "stale", 403)
        return await run_in_threadpool(_answer, handler, ask)

    return endpoint


def _answer(handler: Handler, ask: Ask) -> Response:
    try:
        return handler(ask)
    except Unavailable as error:
        return trouble(ask, f"why_{error.why}", 503, missing=error.why is Why.MISSING)
    except Refused as error:
        return trouble(ask, error.word, 409)
    except StoreError:
        return trouble(ask, "failed", 503)


def _to_login(ask: Ask) -> Response:
    if ask.is_part:
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse("/login", 303)


def trouble(ask: Ask, word: str, status: int, missing: bool = False) -> Response:
    """Plain words for what did not work."""
    return ask.show("trouble.html", status, problem=ask.text(word), missing=missing)
