"""A push service of this machine: takes what a box really sends, checks who sent it, decrypts it as a browser would."""

from __future__ import annotations

import base64
import json
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from tests.alert.alert_desk import certificate


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """What a browser keeps of a subscription, and tells of it."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = bytes(range(16))

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def keys(self) -> dict[str, str]:
        return {"p256dh": encoded(self.point), "auth": encoded(self.auth)}

    def decrypt(self, body: bytes) -> bytes:
        """RFC 8291 §3.4, as the receiver."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self.key.exchange(ec.ECDH(), point)
        secret = HKDF(SHA256(), 32, self.auth, b"WebPush: info\0" + self.point + theirs).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain.endswith(b"\x02"), "one record, no padding"
        return plain[:-1]


@dataclass
class Pushed:
    """One POST. `sender`: what its VAPID token says, verified with the key beside it."""

    headers: dict[str, str]
    body: bytes
    sender: dict[str, object]
    key: str


class PushService:
    """Answers each POST with the next of `answers`, then with 201."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = certificate(folder, "push")
        self.pushed: queue.Queue[Pushed] = queue.Queue()
        self.answers: queue.Queue[tuple[int, dict[str, str]]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.endpoint = f"https://127.0.0.1:{self._server.server_port}/push/a-secret?of=it"
        self._thread = threading.Thread(target=self._server.serve_forever, name="push-service")
        self._thread.start()

    def next(self, timeout: float = 60) -> Pushed:
        return self.pushed.get(timeout=timeout)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fields = dict(part.split("=", 1) for part in self.headers["Authorization"][len("vapid ") :].split(", "))
                status, headers = service.answers.get() if not service.answers.empty() else (201, {})
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                service.pushed.put(Pushed(dict(self.headers), body, claims(**fields), fields["k"]))

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def claims(t: str, k: str) -> dict[str, object]:
    """The claims of a VAPID token that its key has signed (RFC 8292 §2)."""
    point = decoded(k)
    key = JWK(kty="EC", crv="P-256", x=encoded(point[1:33]), y=encoded(point[33:]))
    token = JWS()
    token.deserialize(t, key)
    return dict(json.loads(token.payload))


@contextmanager
def push_service(folder: Path) -> Iterator[PushService]:
    service = PushService(folder)
    try:
        yield service
    finally:
        service.close()
