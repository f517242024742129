"""The two ways of docs/family.md work as they are written there, only with servers on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from denwaban.alerting import reachable_contacts, tells_anybody
from denwaban.cli import main
from denwaban.config import Config, SpeechConfig, load_config
from denwaban.rehearsal import Rehearsal
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import load_call
from tests.alert.alert_desk import certificate
from tests.alert.test_alert_notes import Mailbox, mailbox, mailto
from tests.fixtures_broker import SKIP, Mosquitto, until

__all__ = ["mailbox"]  # the fixture

PAGE = (Path(__file__).parents[1] / "docs" / "family.md").read_text("utf-8")
PRESETS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PASSWORD = "of-the-hosted-broker"


def preset(number: int, folder: Path, **changes: object) -> Path:
    """A configuration as the page has it, with its files in `folder`."""
    text = PRESETS[number].replace("/etc/denwaban/", f"{folder}/")
    text = text.replace("[unit]\n", f'[unit]\ndata_dir = "{folder}/box"\n')
    for key, value in changes.items():
        text, found = re.subn(rf"^{key} = .*$", f"{key} = {value!r}".replace("'", '"'), text, flags=re.MULTILINE)
        assert found == 1, key
    path = folder / "config.toml"
    path.write_text(text)
    return path


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker as a company hosts it: TLS with a certificate that this computer trusts, one user, no access rules."""
    if os.environ.get(SKIP) == "1":
        pytest.skip(f"{SKIP}=1")
    folder = tmp_path / "hosted"
    folder.mkdir()
    pem, key = certificate(folder)
    users = folder / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", users, "grandma", PASSWORD], check=True, capture_output=True)
    broker = Mosquitto(folder, f"allow_anonymous false\npassword_file {users}\ncertfile {pem}\nkeyfile {key}\n")
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.broker
def test_with_a_hosted_broker_a_contact_pairs_confirms_and_answers(tmp_path: Path, hosted: Mosquitto) -> None:
    box = preset(0, tmp_path, host="127.0.0.1", port=hosted.port)
    (tmp_path / "broker-password").write_text(PASSWORD)
    # The certificate stands in for one of a public authority.
    authority = {"SSL_CERT_FILE": str(tmp_path / "hosted" / "broker.pem")}
    trusting = os.environ | authority | {"PYTHONPATH": os.pathsep.join(sys.path)}

    def started(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "denwaban", *words], stdout=subprocess.PIPE, text=True, env=trusting, cwd=tmp_path
        )
        stack.callback(lambda: (process.terminate(), process.communicate(timeout=60)))
        return process

    with ExitStack() as stack:
        pairing = started("contacts", "pair", "daughter", "--role", "娘さん", "--config", str(box))
        assert pairing.stdout is not None
        url = next(line.strip() for line in iter(pairing.stdout.readline, "") if line.startswith("denwaban:"))
        phone = ("--profile", str(tmp_path / "phone"))
        who = ("--username", "grandma", "--password-file", "broker-password")
        assert started("contact", "pair", url, *who, *phone).wait(60) == 0
        assert pairing.wait(60) == 0
        listening = started("contact", "listen", "--json", *phone)
        assert listening.stdout is not None
        assert "listening" in listening.stdout.readline()
        assert started("contacts", "test", "daughter", "--config", str(box)).wait(60) == 0


def test_without_a_broker_a_contact_s_test_note_arrives(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    letters, port = mailbox
    path = preset(1, tmp_path)
    for name in ("daughter", "son"):
        (tmp_path / f"{name}-notes").write_text(mailto(port, name) + "\n")
    assert main(["contacts", "test", "daughter", "--config", str(path)]) == 0
    assert [letter["To"] for letter in letters.letters] == ["daughter@example.jp"]
    assert main(["drill", "--config", str(path)]) == 1, "nobody could answer"


@pytest.mark.speech
def test_without_a_broker_a_scam_call_becomes_an_e_mail_to_one_after_the_other(
    tmp_path: Path, models_dir: Path, mailbox: tuple[Mailbox, int]
) -> None:
    letters, port = mailbox
    config = replace(load_config(preset(1, tmp_path)), speech=SpeechConfig(models_dir=str(models_dir)))
    for name in ("daughter", "son"):
        (tmp_path / f"{name}-notes").write_text(mailto(port, name) + "\n")
    call = load_call(shipped_calls() / "telecom-stop")
    said: list[str] = []

    def report(record: dict[str, object]) -> None:
        if record["event"] == "box_says":
            said.append(str(record["text"]))

    with Rehearsal(tmp_path, models_dir, [call], 20, report, family=config) as rehearsal:
        (result,) = rehearsal.run()
        assert result.ok
        until(lambda: len(letters.letters) == 2, "two letters")
    assert [letter["To"] for letter in letters.letters] == ["daughter@example.jp", "son@example.jp"]
    assert any("ご家族に" in text for text in said), "the household hears that the family is told"


def test_the_presets_say_who_is_told(tmp_path: Path) -> None:
    first, second, both = (load_config(preset(n, tmp_path)) for n in range(3))
    assert [tells_anybody(config) for config in (first, second, both, Config())] == [True, True, True, False]
    assert [one.name for one in reachable_contacts(second)()] == ["daughter", "son"]
    assert [one.turn for one in reachable_contacts(second)()] == [1, 2]
