"""Pairing over the broker: one short connection on each side."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import paho.mqtt.client as paho
from jwcrypto.jwk import JWK
from paho.mqtt.reasoncodes import ReasonCode

from denwaban.alert import pairing
from denwaban.alert.keys import UnitKey, new_private_key
from denwaban.alert.link import connect_options, new_client, put_or_drop
from denwaban.alert.pairing import Invitation
from denwaban.alert.settings import MqttSettings
from denwaban.errors import WireError

_ASK_EVERY_S: Final = 2.0
_MOST_WRONG: Final = 5
"""Wrong messages after which the code is withdrawn. It cannot be guessed; this ends what is not right."""
_CONNECT_S: Final = 15.0
_WAITING: Final = 50


class _Post:
    """A subscribed connection: what comes is in `letters`."""

    def __init__(self, settings: MqttSettings, client_id: str, hear: str) -> None:
        self.letters: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._hear = hear
        self._outcome: queue.Queue[str] = queue.Queue()
        self._client = new_client(settings, client_id, clean=True, reconnects=True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        try:
            self._client.connect(settings.host, settings.port, **connect_options(settings, clean=True))
        except (OSError, ValueError) as error:
            raise WireError(f"{settings.host}:{settings.port}: {error}") from error
        self._client.loop_start()
        try:
            refusal = self._outcome.get(timeout=_CONNECT_S)
        except queue.Empty:
            refusal = "no answer"
        if refusal:
            self.close()
            raise WireError(f"the broker {settings.host}:{settings.port} refused: {refusal}")

    def send(self, topic: str, payload: bytes) -> None:
        """Hand a message to the broker and wait until it has it."""
        self._client.publish(topic, payload, 1).wait_for_publish(_CONNECT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._outcome.put(str(code))
        else:
            client.subscribe(self._hear, 1)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        put_or_drop(self.letters, bytes(message.payload))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        denied = any(code.is_failure for code in codes)
        self._outcome.put(f"{self._hear} may not be read; check its access rules" if denied else "")


@contextmanager
def _post(settings: MqttSettings, client_id: str, hear: str) -> Iterator[_Post]:
    post = _Post(settings, client_id, hear)
    try:
        yield post
    finally:
        post.close()


def invite(
    settings: MqttSettings,
    invitation: Invitation,
    unit_key: UnitKey,
    limit_s: float,
    show: Callable[[], None],
    keep: Callable[[JWK], None],
    push_key: str = "",
) -> bool:
    """The unit's side: `show` the invitation as soon as we listen, `keep` the contact's key before it is confirmed.

    False when nobody came in `limit_s` seconds. WireError when the broker does not take part, or too much is wrong.
    """
    client_id = f"denwaban-{invitation.unit}-pair"
    with _post(settings, client_id, pairing.ask_topic(invitation)) as post:
        show()
        deadline, wrong = time.monotonic() + limit_s, 0
        while (left := deadline - time.monotonic()) > 0:
            try:
                key = pairing.read_ask(post.letters.get(timeout=left), invitation)
            except queue.Empty:
                return False
            except WireError as error:
                wrong += 1
                if wrong >= _MOST_WRONG:
                    raise WireError(f"pairing was broken off: {error}, {wrong} times; try again") from error
                continue
            keep(key)
            post.send(
                pairing.confirm_topic(invitation), pairing.confirm_message(invitation, unit_key.jwk, key, push_key)
            )
            return True
    return False


def accept(settings: MqttSettings, invitation: Invitation, limit_s: float) -> tuple[JWK, JWK]:
    """The contact's side: (own private key, unit's public key). WireError when that does not come about."""
    key = new_private_key()
    client_id = f"denwaban-{invitation.unit}-contact-{invitation.contact}-pair"
    with _post(settings, client_id, pairing.confirm_topic(invitation)) as post:
        deadline = time.monotonic() + limit_s
        why = "the box did not answer; is the code still shown there?"
        while time.monotonic() < deadline:
            post.send(pairing.ask_topic(invitation), pairing.ask_message(invitation, key))
            try:
                return key, pairing.read_confirm(post.letters.get(timeout=_ASK_EVERY_S), invitation, key)
            except queue.Empty:
                continue
            except WireError as error:
                why = str(error)
        raise WireError(f"not paired: {why}")
