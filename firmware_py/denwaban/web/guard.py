"""Who may ask at all: only this network, only by names of this box, and nothing the page does not need."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY: Final = 64_000
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that a browser sends `Origin: null` with forms, and we could not tell ours from others.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def own_names(configured: Iterable[str]) -> frozenset[str]:
    """Names by which a browser in this network may call the box."""
    host = socket.gethostname().lower()
    return frozenset({"localhost", host, f"{host}.local", *(name.lower() for name in configured)})


def is_near(address: str) -> bool:
    """Whether an IP address belongs to this computer or a private network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    near = getattr(found, "ipv4_mapped", None) or found
    return bool(near.is_loopback or near.is_link_local or near.is_private) and not near.is_unspecified


def is_own(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header names this box. A name of somebody else that was made to point here (DNS rebinding) does
    not; a bare address cannot be such a name."""
    name = host.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    return name.rstrip(".") in names or is_near(name)


class Guard:
    """Refuses before any page is asked; adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if scope["client"] is None or not is_near(scope["client"][0]):
            return PlainTextResponse(
                "この画面は、家の中からだけ使えます。 / Reachable from the home network only.", 403
            )
        host = headers.get("host", "")
        if not is_own(host, self._names):
            return PlainTextResponse("この名前では開けません。 / This name is not of this box.", 421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("method not allowed", 405)
        if scope["method"] == "POST":
            return _post_refusal(headers, host)
        return None


def _post_refusal(headers: Headers, host: str) -> PlainTextResponse | None:
    length = headers.get("content-length", "")
    if not length.isdigit() or int(length) > MOST_BODY:
        return PlainTextResponse("want a length, and a small one", 413)
    # Browsers send Origin with every POST; a form of another site carries that site's.
    if headers.get("origin") != f"http://{host}":
        return PlainTextResponse("ほかの画面からの操作は受けません。 / Not from this page.", 403)
    return None
