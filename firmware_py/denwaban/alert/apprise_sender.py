"""Notes by way of Apprise, which knows e-mail, the LINE Messaging API, ntfy, SMS gateways and a hundred others."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from denwaban.alert.notify import Note, Send
from denwaban.errors import ConfigError, WireError


def apprise_sender() -> Send:
    """Loads Apprise. Raises ConfigError where it is not installed."""
    if importlib.util.find_spec("apprise") is None:
        raise ConfigError("contacts.notify_file", ("needs a package: pip install 'denwaban[notify]'",))
    import apprise  # noqa: PLC0415  # an optional dependency, and a large one

    # It logs addresses, and they hold passwords.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)

    def send(url: str, note: Note) -> None:
        kind = url.partition("://")[0][:20]
        try:
            service: Any = apprise.Apprise.instantiate(url)
            taken = service is not None and service.notify(
                title=note.title, body=note.text, body_format=apprise.NotifyFormat.TEXT
            )
        except Exception as error:  # plugins raise what they like
            raise WireError(f"{kind}: {type(error).__name__}") from error
        if service is None:
            raise WireError("an address that Apprise does not know; see https://github.com/caronc/apprise/wiki")
        if not taken:
            raise WireError(f"{kind}: the service did not take it (address, password, network?)")

    return send
