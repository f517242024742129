"""A Mosquitto of our own, as a family's broker should be: TLS, WebSocket beside it, passwords, access rules. Loopback.

For drills; a broker at work is the system's, with the same rules (`deploy/broker-users`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from denwaban.alert.settings import MqttSettings
from denwaban.errors import DenwabanError

_HOST: Final = "127.0.0.1"
_START_S: Final = 20.0
_LOOK_S: Final = 0.02
_SBIN: Final = ":/usr/sbin:/usr/local/sbin"  # not in everybody's PATH on Debian


def find_mosquitto() -> str | None:
    """The installed program, if there is one."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + _SBIN)


def access_rules(unit: str, contacts: Sequence[str]) -> str:
    """An `acl_file`: a unit writes below its name and hears answers; a contact hears what is for it, and answers."""
    root = f"denwaban/v1/{unit}"
    lines = [f"user {unit}", f"topic write {root}/#", f"topic read {root}/reply/+", f"topic read {root}/pair/+"]
    for contact in contacts:
        read = (f"alert/{contact}", f"paired/{contact}", "availability", "health")
        write = (f"reply/{contact}", f"pair/{contact}")
        lines += ["", f"user {contact}", *(f"topic read {root}/{topic}" for topic in read)]
        lines += [f"topic write {root}/{topic}" for topic in write]
    return "\n".join(lines) + "\n"


class LocalMosquitto:
    """One broker with users and rights for a unit and its contacts, all in `folder`. `start` and `stop` once each."""

    def __init__(self, program: str, folder: Path, unit: str, contacts: Sequence[str], at: float) -> None:
        """`at`: now, for the certificate (seconds since the epoch)."""
        self._program = program
        self._folder = folder
        self._unit = unit
        self._contacts = contacts
        self._at = datetime.fromtimestamp(at, UTC)
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self.websocket_port = _free_ports(2)

    def start(self) -> None:
        """Return when it accepts connections. DenwabanError when that cannot be."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        _write_certificate(self._folder / "broker.pem", self._folder / "broker.key", self._at)
        self._write_users()
        rules = self._folder / "acl"
        rules.write_text(access_rules(self._unit, self._contacts), "utf-8")
        rules.chmod(0o600)
        config = self._folder / "mosquitto.conf"
        config.write_text(self._config(), "utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([self._program, "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DenwabanError(f"Mosquitto did not start: {self._log.read_text('utf-8', 'replace')[-300:]}")
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_START_S)

    def settings(self, user: str) -> MqttSettings:
        """How this user connects: over TLS, with its password."""
        return MqttSettings(
            host=_HOST,
            port=self.port,
            username=user,
            password_file=self._password_file(user),
            tls=True,
            ca_file=self._folder / "broker.pem",
        )

    @property
    def _log(self) -> Path:
        return self._folder / "mosquitto.log"

    def _password_file(self, user: str) -> Path:
        return self._folder / f"{user}.password"

    def _write_users(self) -> None:
        users = {user: secrets.token_urlsafe(16) for user in (self._unit, *self._contacts)}
        for user, password in users.items():
            self._password_file(user).touch(0o600)
            self._password_file(user).write_text(password + "\n", "ascii")
        passwords = self._folder / "passwords"
        passwords.touch(0o600)
        passwords.write_text("".join(f"{user}:{password}\n" for user, password in users.items()), "ascii")
        hashed = shutil.which("mosquitto_passwd", path=os.environ.get("PATH", "") + _SBIN)
        if hashed is None:
            raise DenwabanError("mosquitto_passwd is missing; it comes with the package mosquitto")
        subprocess.run([hashed, "-U", str(passwords)], check=True, capture_output=True, timeout=_START_S)

    def _config(self) -> str:
        folder = self._folder
        tls = f"certfile {folder}/broker.pem\nkeyfile {folder}/broker.key\n"
        return (
            f"allow_anonymous false\npassword_file {folder}/passwords\nacl_file {folder}/acl\nset_tcp_nodelay true\n"
            f"listener {self.port} {_HOST}\n{tls}"
            f"listener {self.websocket_port} {_HOST}\nprotocol websockets\n{tls}"
            # Started as root it would become another user, who cannot read this folder.
            + ("user root\n" if os.geteuid() == 0 else "")
        )

    def _accepts(self) -> bool:
        try:
            for port in (self.port, self.websocket_port):
                socket.create_connection((_HOST, port), 1.0).close()
        except OSError:
            return False
        return True


def _write_certificate(certificate: Path, key: Path, at: datetime) -> None:
    """A self-signed certificate for 127.0.0.1 and its key, PEM, valid for a day before and after `at`."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "denwaban drill")])
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(_HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key.touch(0o600)
    key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    certificate.write_bytes(made.public_bytes(pem))


def _free_ports(count: int) -> tuple[int, ...]:
    """Ports of the loopback interface that nobody listens on now."""
    probes = [socket.create_server((_HOST, 0)) for _ in range(count)]
    ports = tuple(int(probe.getsockname()[1]) for probe in probes)
    for probe in probes:
        probe.close()
    return ports
