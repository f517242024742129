"""A drill goes box → broker → contact → answer → spoken confirmation, or it says that it did not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from denwaban import drill
from denwaban.alert.mosquitto import find_mosquitto
from denwaban.cli import main
from tests.test_cli_contacts import Family, family

__all__ = ["family"]  # the fixture


@pytest.mark.speech
def test_a_local_drill_needs_nothing_and_exits_0(models_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "--local", "--json", "--speed", "20"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    last = records[-1]
    assert (last["event"], last["ok"], last["alerted"]) == ("drill", True, True)
    assert last["spoken"] == ["who_daughter", "does_told", "who_daughter", "does_calling"]
    assert [reply for _role, reply, _s in last["answered"]] == ["calling"]
    assert last["broker"].startswith("mosquitto" if find_mosquitto() else "built in")
    shown = [(one["kind"], one["drill"]) for one in records if one["event"] == "contact_shows"]
    if find_mosquitto():  # else the contact is one of the demo
        assert shown[0] == ("new", True)
        assert all(drill for _kind, drill in shown), "a drill is marked everywhere"


@pytest.mark.speech
def test_a_local_drill_works_without_mosquitto_too(
    models_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "find_mosquitto", lambda: None)
    assert main(["drill", "--local", "--json", "--speed", "20"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["broker"].startswith("built in")


@pytest.mark.speech
@pytest.mark.broker
def test_a_drill_reaches_paired_contacts_and_disturbs_nothing_of_the_box(
    models_dir: Path, family: Family, capsys: pytest.CaptureFixture[str]
) -> None:
    with family.config_file.open("a") as file:
        file.write(f'[speech]\nmodels_dir = "{models_dir}"\n')
    pairing, url = family.invited("--role", "息子さん")
    assert family.contact("pair", url) == 0
    assert pairing.wait(60) == 0
    family.listening("--reply", "call_later")
    assert family.box("drill", "--json", "--speed", "20", "--wait", "60") == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [reply for _role, reply, _s in last["answered"]] == ["call_later"]
    assert "does_call_later" in last["spoken"]
    assert family.book.deliveries() == (), "the box's own outbox knows nothing of it"
    (noted,) = (family.config.data_dir / "drills.jsonl").read_text("utf-8").splitlines()
    assert json.loads(noted)["ok"] is True


@pytest.mark.parametrize(("toml", "what"), [("", "--local"), ('[alerts]\nhost = "127.0.0.1"\n', "contacts pair")])
def test_a_drill_without_anybody_to_tell_says_what_to_do(
    tmp_path: Path, toml: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[unit]\ndata_dir = "{tmp_path}"\n{toml}')
    assert main(["drill", "--config", str(path)]) == 1
    assert what in capsys.readouterr().err
