"""The family on the household's page, with a real broker and the box's own commands: paired, tried, stopped."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("argon2", reason="the extra `web` is not installed")
pytest.importorskip("httpx2", reason="the extra `dev` is not installed")

from starlette.testclient import TestClient

from denwaban.config import AlertsConfig, Config, ContactConfig
from denwaban.effects import OpenCall
from denwaban.paths import database_path, drills_path, page_secrets
from denwaban.store.contacts import ContactBook
from denwaban.store.database import Database
from denwaban.store.rows import PairedContact
from denwaban.web.pin import PinFile
from tests.fixtures_broker import SKIP, Mosquitto, until
from tests.web.page_bench import NOW, PIN, Clock, application, config_for, csrf_of, fill, write_alert

FIRMWARE = Path(__file__).parents[2] / "firmware_py"
HERE = "http://192.168.1.20:8080"
HOUSE = ("192.168.1.7", 50000)
DENWABAN = (sys.executable, "-m", "denwaban")


class Home:
    """A browser at home, logged in, before a page whose commands are `program`."""

    def __init__(
        self, config: Config, program: tuple[str, ...], stack: ExitStack, passwords: Path | None = None
    ) -> None:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        fill(config)
        PinFile(page_secrets(config)).choose(PIN)
        page = TestClient(
            application(config, Clock(), program, passwords), base_url=HERE, client=HOUSE, follow_redirects=True
        )
        self.config, self.page = config, stack.enter_context(page)
        self.page.headers["origin"] = HERE
        self.page.post("/login", data={"pin": PIN})

    def post(self, path: str, **form: str) -> Any:
        return self.page.post(path, data={"csrf": csrf_of(self.page.get("/help").text), **form})

    def sees(self, path: str, words: str) -> str:
        """Look again and again until the words are there."""
        until(lambda: words in self.page.get(path).text, f"{words} at {path}")
        return self.page.get(path).text


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def at_home(tmp_path: Path, stack: ExitStack) -> Callable[..., Home]:
    def home(script: str, *, broker: bool = True) -> Home:
        """`script`: Python in the place of `denwaban`; `sys.argv[1:]` are the words of the command."""
        config = config_for(tmp_path / "data")
        return Home(config if broker else replace(config, alerts=AlertsConfig()), (sys.executable, "-c", script), stack)

    return home


def pair_form(**changed: str) -> dict[str, str]:
    return {"role": "daughter", "turn": "1", "detail": "transcript", "name": "", "from": "", "to": ""} | changed


# --- with the real commands ----------------------------------------------------------------------------------------


@pytest.mark.broker
def test_a_telephone_is_paired_tried_and_stopped_when_it_is_lost(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.environ.get(SKIP) == "1":
        pytest.skip(f"{SKIP}=1")
    (tmp_path / "mosquitto").mkdir()
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    stack.callback(broker.stop)
    file = tmp_path / "config.toml"
    file.write_text(
        f'[unit]\nname = "box-1"\ndata_dir = "{tmp_path / "box"}"\n'
        f'[alerts]\nhost = "{broker.host}"\nport = {broker.port}\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(FIRMWARE))
    config = replace(config_for(tmp_path / "box"), contacts=())
    home = Home(config, ("env", f"DENWABAN_CONFIG={file}", *DENWABAN), stack)
    contact = [*DENWABAN, "contact"]
    profile = ("--profile", str(tmp_path / "phone"))

    assert "まだ、だれも登録されていません" in home.page.get("/contacts").text
    home.post("/contacts/add", **pair_form())
    shown = home.sees("/contacts/errand/pair", "四角いコードを読み取ってください")
    assert "<svg" in shown
    link = shown.partition('class="link">')[2].partition("</p>")[0].replace("&amp;", "&")
    subprocess.run([*contact, "pair", link, *profile], check=True, capture_output=True)
    over = home.sees("/contacts/errand/pair", "加わりました")
    assert "pair?" not in over, "a code that was used is not shown any more"
    assert "hx-get" not in over

    listening = subprocess.Popen([*contact, "listen", "--json", *profile], stdout=subprocess.PIPE, text=True)
    stack.callback(lambda: (listening.terminate(), listening.communicate(timeout=60)))
    assert listening.stdout is not None
    assert json.loads(listening.stdout.readline()) == {"event": "listening"}
    home.post("/contacts/daughter/test")
    home.sees("/contacts/errand/test", "届きました")
    assert json.loads(listening.stdout.readline())["drill"] is True

    assert "この電話への知らせを止めますか" in home.page.get("/contacts/daughter/revoke").text
    assert "その電話への知らせを止めました" in home.post("/contacts/daughter/revoke").text
    assert ContactBook(database_path(config)).contacts() == ()
    assert "止めました" in home.post("/contacts/daughter/revoke").text, "a second tab is no error"
    assert "もうありません" in home.post("/contacts/daughter/test").text


# --- what the page makes of them -----------------------------------------------------------------------------------


def test_the_command_gets_what_was_chosen_and_an_id_that_names_nobody(at_home: Callable[..., Home]) -> None:
    home = at_home("import sys, time; print('denwaban:pair?', sys.argv[1:], flush=True); time.sleep(600)")
    ContactBook(database_path(home.config)).put(PairedContact("son", "息子さん", "{}", "words", "ja", "", 1, NOW))
    home.post("/contacts/add", **pair_form(role="son", turn="2", detail="words", **{"from": "07:00", "to": "22:00"}))
    shown = html.unescape(home.sees("/contacts/errand/pair", "contacts"))
    assert (
        "'contacts', 'pair', 'son-2', '--role=息子さん', '--detail=words', '--turn=2', '--hours=07:00-22:00'" in shown
    )


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"from": "07:00"}, "時間は"),
        ({"from": "07:00", "to": "07:00"}, "時間は"),
        ({"name": "-x"}, "登録名は"),
        ({"name": "娘"}, "登録名は"),
        ({"name": "a" * 41}, "登録名は"),
        ({"role": "burglar"}, "うまくいきませんでした"),
        ({"detail": "all"}, "うまくいきませんでした"),
        ({"turn": "0"}, "うまくいきませんでした"),
    ],
)
def test_what_cannot_be_meant_starts_nothing(at_home: Callable[..., Home], form: dict[str, str], words: str) -> None:
    home = at_home("raise SystemExit(3)")
    answer = home.post("/contacts/add", **pair_form(**form))
    assert answer.status_code >= 400
    assert words in answer.text
    assert home.page.get("/contacts/errand/pair").status_code == 404


def test_a_password_made_for_the_contact_goes_into_its_code(tmp_path: Path, stack: ExitStack) -> None:
    script = "import sys, time; print('denwaban:pair?', sys.argv[1:], flush=True); time.sleep(600)"
    home = Home(config_for(tmp_path / "data"), (sys.executable, "-c", script), stack, tmp_path)
    password = tmp_path / "daughter.broker-password"
    password.write_text("a password")
    home.post("/contacts/add", **pair_form())
    assert f"--broker-password={password}" in home.sees("/contacts/errand/pair", "contacts")
    home.post("/contacts/errand/pair/stop")
    home.post("/contacts/add", **pair_form(role="son"))
    assert "--broker-password" not in home.sees("/contacts/errand/pair", "son")


def test_a_contact_who_gets_notes_can_be_tried_and_is_not_enough_for_a_drill(tmp_path: Path, stack: ExitStack) -> None:
    config = replace(config_for(tmp_path), contacts=(ContactConfig("ane", "お姉さん", notify_file="notes.txt"),))
    home = Home(config, (sys.executable, "-c", "pass"), stack)
    shown = home.page.get("/contacts").text
    assert "短い知らせを受け取ります" in shown
    assert "失くした電話を止める" not in shown
    home.post("/contacts/ane/test")
    home.sees("/contacts/errand/test", "その方に聞いてください")
    assert "知らせる家族が、まだいません" in home.post("/drill").text


def test_without_a_broker_nobody_is_paired_and_no_drill_is_held(at_home: Callable[..., Home]) -> None:
    home = at_home("raise SystemExit(3)", broker=False)
    assert "ブローカー" in home.post("/contacts/add", **pair_form()).text
    assert "知らせる家族が、まだいません" in home.post("/drill").text


def test_a_code_nobody_reads_and_a_broker_that_is_away_are_told_apart(at_home: Callable[..., Home]) -> None:
    home = at_home("import sys; print('denwaban:pair?v=1'); sys.exit(1)")
    home.post("/contacts/add", **pair_form())
    home.sees("/contacts/errand/pair", "読み取られませんでした")


def test_a_broker_that_is_away_is_told(at_home: Callable[..., Home]) -> None:
    home = at_home("raise SystemExit(1)")
    home.post("/contacts/add", **pair_form())
    home.sees("/contacts/errand/pair", "コードを出せませんでした")


def test_a_pairing_is_broken_off_and_a_second_one_at_a_time_refused(at_home: Callable[..., Home]) -> None:
    home = at_home("import time; print('denwaban:pair?v=1', flush=True); time.sleep(600)")
    home.post("/contacts/add", **pair_form())
    assert "途中です" in home.post("/contacts/add", **pair_form()).text
    home.post("/contacts/errand/pair/stop")
    home.sees("/contacts/errand/pair", "やめました")


def test_the_page_asks_again_and_gets_nothing_while_nothing_is_new(at_home: Callable[..., Home]) -> None:
    home = at_home("import time; print('denwaban:pair?v=1', flush=True); time.sleep(600)")
    home.post("/contacts/add", **pair_form())
    home.sees("/contacts/errand/pair", "四角いコードを読み取ってください")
    part = {"HX-Request": "true"}
    assert home.page.get("/contacts/errand/pair?seen=waiting-0", headers=part).status_code == 204
    assert home.page.get("/contacts/errand/pair?seen=starting-0", headers=part).status_code == 200
    home.post("/contacts/errand/pair/stop")


DRILL = """
import json
for record in (
    {"event": "call_started"}, {"event": "heard", "text": "x"}, {"event": "alert_decided"}, {"event": "alert_decided"},
    {"event": "contact_confirmed", "role": "娘さん"},
    {"event": "contact_answered", "role": "娘さん", "reply": "calling"},
):
    print(json.dumps(record))
print("no json")
"""


def test_a_drill_is_followed_to_the_answer(at_home: Callable[..., Home]) -> None:
    home = at_home(DRILL)
    ContactBook(database_path(home.config)).put(PairedContact("son", "息子さん", "{}", "words", "ja", "", 1, NOW))
    home.post("/drill")
    shown = home.sees("/contacts/errand/drill", "訓練は、うまくいきました")
    assert shown.count("<li>") == 4, "each step once"
    assert "娘さんの返事" in shown
    assert "これから電話します" in shown


def test_a_drill_nobody_answers_is_told(at_home: Callable[..., Home]) -> None:
    home = at_home('print(\'{"event": "alert_decided"}\'); raise SystemExit(1)')
    ContactBook(database_path(home.config)).put(PairedContact("son", "息子さん", "{}", "words", "ja", "", 1, NOW))
    home.post("/drill")
    home.sees("/contacts/errand/drill", "家族からの返事がありませんでした")


def test_no_drill_is_held_during_a_call(at_home: Callable[..., Home]) -> None:
    home = at_home("raise SystemExit(3)")
    ContactBook(database_path(home.config)).put(PairedContact("son", "息子さん", "{}", "words", "ja", "", 1, NOW))
    database = Database(database_path(home.config), print)
    database.open_call(OpenCall("now", None, "screen:domestic"), NOW - 60)
    database.close()
    assert "いま電話中です" in home.post("/drill").text


def test_the_last_drill_is_shown_and_a_damaged_record_is_none(at_home: Callable[..., Home]) -> None:
    home = at_home("pass")
    for text, shown in (("", False), ("{}\n", False), ("no json\n", False), ('{"at": 1795600000, "ok": true}\n', True)):
        drills_path(home.config).write_text(text)
        assert ("うまくいきました" in home.page.get("/contacts").text) is shown


def test_a_call_shows_who_was_told_and_who_answered(at_home: Callable[..., Home]) -> None:
    home = at_home("pass")
    write_alert(home.config)
    shown = home.page.get("/calls/scam-1").text
    assert "家族への知らせ" in shown
    assert "娘さん" in shown
    assert "受け取りました" in shown
    assert "これから電話します" in shown
    assert "順番を待っています" in shown
    assert "家族への知らせ" not in home.page.get("/calls/call-4").text


def test_a_closed_page_leaves_no_command_behind(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with ExitStack() as stack:
        home = Home(config_for(tmp_path / "data"), (sys.executable, "-c", script), stack)
        home.post("/contacts/add", **pair_form())
        until(lambda: mark.exists() and mark.read_text(), "the command")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
