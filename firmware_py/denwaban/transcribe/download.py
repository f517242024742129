"""Downloads with urllib: resumes partial files, gives up on dead servers early, trusts the certificates pip trusts."""

from __future__ import annotations

import os
import queue
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

PROBE_S: Final = 5.0
"""A source that has not answered within this is passed over; one that falls silent this long is asked again."""

RETRIES: Final = 5
"""Tries in a row that brought no new byte before a download is given up."""

_BLOCK: Final = 1 << 16
_RANGE_WRONG: Final = 416
_PARTIAL: Final = 206


class Unreachable(Exception):
    """A source cannot be used now; the message says why, without passwords."""


Received = Callable[[int], None]
"""Told how many bytes of the file are there."""


def download(url: str, target: Path, received: Received) -> None:
    """Bring `url` into `target`, going on where an earlier attempt left `target`.part.

    Raises Unreachable; the partial file then stays for the next attempt. OSError of the disk passes through.
    """
    part = target.with_name(target.name + ".part")
    idle = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _continue(url, part, received)
            break
        except Unreachable:
            progressed = part.exists() and part.stat().st_size > before
            idle = 0 if progressed else idle + 1
            # The very first answer decides whether this source is alive at all.
            if (before == 0 and not progressed) or idle >= RETRIES:
                raise
    part.replace(target)


def _continue(url: str, part: Path, received: Received) -> None:
    have = part.stat().st_size if part.exists() else 0
    try:
        response = _open(url, {"Range": f"bytes={have}-"} if have else {})
    except _Refused as error:
        if error.status == _RANGE_WRONG and have:
            # Longer than the file on the server: another version, or complete already; start anew either way.
            part.unlink()
            raise Unreachable("the partial file did not fit the server's") from error
        raise
    with response:
        resumed = response.status == _PARTIAL
        have = have if resumed else 0
        expected = have + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if resumed else "wb") as file:
            while block := _read(response):
                file.write(block)
                have += len(block)
                received(have)
    if have < expected:
        raise Unreachable(f"{url}: the connection broke off")


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_BLOCK)
    except (OSError, HTTPException) as error:
        raise Unreachable(f"the connection broke off: {error}") from error


class _Refused(Unreachable):
    def __init__(self, url: str, status: int) -> None:
        self.status = status
        super().__init__(f"{url}: HTTP status {status}")


def _open(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    """Open within PROBE_S altogether: urllib's own time limit covers neither name look-up nor redirects."""
    answers: queue.SimpleQueue[HTTPResponse | Exception] = queue.SimpleQueue()
    given_up = threading.Event()

    def ask() -> None:
        try:
            response = _request(url, headers)
        except (OSError, HTTPException, ValueError) as error:
            answers.put(error)
            return
        if given_up.is_set():
            response.close()
        answers.put(response)

    threading.Thread(target=ask, name="probe", daemon=True).start()
    try:
        answer = answers.get(timeout=PROBE_S)
    except queue.Empty:
        given_up.set()
        raise Unreachable(f"{url}: no answer within {PROBE_S:g} s") from None
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise _Refused(url, answer.code)
    if isinstance(answer, Exception):
        raise Unreachable(f"{url}: {getattr(answer, 'reason', answer)}")
    return answer


def _request(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only http and https are downloaded from")
    request = urllib.request.Request(url, headers={"User-Agent": "denwaban", **headers})
    context = ssl.create_default_context(cafile=certificates(os.environ))
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=PROBE_S, context=context)
    return answer


def certificates(environ: Mapping[str, str]) -> str | None:
    """The certificate file that the environment names for Python, pip or requests; None for the system's."""
    named = (environ.get(key) for key in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    return next((path for path in named if path and Path(path).is_file()), None)
