"""The web application: addresses and what stands behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from denwaban.web import doors, family_views, views
from denwaban.web.ask import Handler, Page, environment, handled
from denwaban.web.family_port import Family
from denwaban.web.guard import Guard, own_names
from denwaban.web.pin import Limiter, PinFile
from denwaban.web.port import Household
from denwaban.web.sessions import Sessions

THREADS: Final = 3
"""One slow disk read and one PIN do not hold up the next page; more would take the box's processor and memory."""
_PAGES: Final[tuple[tuple[str, tuple[str, ...], Handler], ...]] = (
    ("/", ("GET",), views.status),
    ("/calls", ("GET",), views.calls),
    ("/calls/{id}", ("GET",), views.call),
    ("/calls/{id}/mark", ("POST",), views.mark),
    ("/calls/{id}/keep", ("POST",), views.keep),
    ("/calls/{id}/delete", ("GET", "POST"), views.delete),
    ("/calls/{id}/sound", ("GET",), views.sound),
    ("/lists", ("GET",), views.lists),
    ("/lists/add", ("POST",), views.add),
    ("/lists/remove", ("POST",), views.remove),
    ("/lists/let-through", ("POST",), views.let_through),
    ("/lists/policy", ("POST",), views.policy),
    ("/contacts", ("GET",), family_views.contacts),
    ("/contacts/add", ("GET", "POST"), family_views.add),
    ("/contacts/errand/{kind}", ("GET",), family_views.errand),
    ("/contacts/errand/{kind}/stop", ("POST",), family_views.stop),
    ("/contacts/{name}/revoke", ("GET", "POST"), family_views.revoke),
    ("/contacts/{name}/test", ("POST",), family_views.test),
    ("/drill", ("GET", "POST"), family_views.drill),
    ("/settings", ("GET",), views.settings),
    ("/help", ("GET",), views.manual),
    ("/logout", ("POST",), doors.logout),
)
_OPEN: Final[tuple[tuple[str, tuple[str, ...], Handler], ...]] = (
    ("/login", ("GET", "POST"), doors.login),
    ("/setup", ("GET", "POST"), doors.setup),
    ("/language/{language}", ("GET",), doors.language),
)


def build(
    household: Household,
    family: Family,
    pin: PinFile,
    *,
    wall: Callable[[], float],
    monotonic: Callable[[], float],
    names: Iterable[str] = (),
) -> Starlette:
    """The application. `names`: by which this box may be called, beside its own."""
    page = Page(household, family, pin, Limiter(monotonic), Sessions(monotonic), wall, environment())
    routes = [Route(path, handled(page, handler), methods=list(methods)) for path, methods, handler in _PAGES]
    routes += [
        Route(path, handled(page, handler, open_to_all=True), methods=list(methods)) for path, methods, handler in _OPEN
    ]
    nothing = handled(page, views.nothing)

    async def not_found(request: Request, _error: Exception) -> Response:
        answer: Response = await nothing(request)
        return answer

    handlers: Any = {404: not_found, 405: not_found}
    return Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))],
        middleware=[Middleware(Guard, names=own_names(names))],
        exception_handlers=handlers,
        lifespan=_lifespan(family),
    )


def _lifespan(family: Family) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield
        family.close()

    return lifespan
