"""The household's page: shown only to who may see it, usable whatever is wrong."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("argon2", reason="the extra `web` is not installed")
pytest.importorskip("httpx2", reason="the extra `dev` is not installed")

from starlette.testclient import TestClient

from denwaban.config import Config
from denwaban.effects import CloseCall, NoteUtterance, OpenCall
from denwaban.events import Assessment, CallerId, Evidence, Level, Utterance, UtteranceAssessed
from denwaban.household import StoredHousehold
from denwaban.paths import database_path, page_secrets, recordings_dir
from denwaban.store.database import Database
from denwaban.store.lists import read_lists
from denwaban.store.reading import CallReader
from denwaban.vitals import VitalSigns
from denwaban.web.family_port import ErrandKind, ErrandState
from denwaban.web.pin import PinFile
from denwaban.web.text import words
from tests.web.page_bench import NOW, PIN, Clock, application, config_for, csrf_of, fill

HERE = "http://192.168.1.20:8080"
HOUSE = ("192.168.1.7", 50000)
KINDS, STATES = get_args(ErrandKind), get_args(ErrandState)
TEMPLATES = Path(__file__).parents[2] / "firmware_py" / "denwaban" / "web" / "templates"
PAGES = (
    "/",
    "/calls",
    "/calls/scam-1",
    "/calls/scam-1/delete",
    "/lists",
    "/contacts",
    "/contacts/add",
    "/drill",
    "/settings",
    "/help",
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_for(tmp_path)


@pytest.fixture
def client(config: Config, clock: Clock) -> Iterator[TestClient]:
    """A browser at home; nobody is logged in, no PIN is chosen."""
    fill(config)
    with TestClient(application(config, clock), base_url=HERE, client=HOUSE, follow_redirects=False) as client:
        client.headers["origin"] = HERE
        yield client


@pytest.fixture
def home(client: TestClient, config: Config) -> TestClient:
    """The same, logged in."""
    PinFile(page_secrets(config)).choose(PIN)
    assert client.post("/login", data={"pin": PIN}).headers["location"] == "/"
    return client


Poster = Callable[..., Any]


@pytest.fixture
def post(home: TestClient) -> Poster:
    """Send a form as the page shows it."""

    def send(path: str, **form: str) -> Any:
        return home.post(path, data={"csrf": csrf_of(home.get("/lists").text), **form})

    return send


# --- who may see it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/calls/scam-1/sound"])
def test_without_a_pin_nothing_is_shown(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert client.get("/login").headers["location"] == "/setup"


def test_who_comes_first_does_not_own_the_box(client: TestClient, config: Config) -> None:
    for code in ("", "0000-0000"):
        answer = client.post("/setup", data={"code": code, "pin": PIN, "again": PIN})
        assert answer.status_code == 403
    assert not PinFile(page_secrets(config)).is_set()


def test_the_code_chooses_a_pin_once_and_a_new_code_lets_everybody_in_anew(client: TestClient, config: Config) -> None:
    code = PinFile(page_secrets(config)).new_code()
    assert client.post("/setup", data={"code": code, "pin": PIN, "again": PIN}).headers["location"] == "/"
    assert client.get("/").status_code == 200
    assert client.post("/setup", data={"code": code, "pin": "918273", "again": "918273"}).status_code == 403
    newer = PinFile(page_secrets(config)).new_code()
    assert client.get("/").status_code == 200, "the old PIN holds until the code is used"
    with TestClient(client.app, base_url=HERE, client=HOUSE, follow_redirects=False) as other:
        form = {"code": newer, "pin": "918273", "again": "918273"}
        assert other.post("/setup", data=form, headers={"origin": HERE}).headers["location"] == "/"
    assert client.get("/").status_code == 303, "sessions of the old PIN are over"
    assert page_secrets(config).stat().st_mode & 0o777 == 0o600


def test_a_pressed_button_takes_the_place_of_the_code(
    client: TestClient, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredHousehold, "button_pressed", lambda _self: True)
    assert client.post("/setup", data={"code": "", "pin": PIN, "again": "111222"}).status_code == 403
    assert client.post("/setup", data={"code": "", "pin": PIN, "again": PIN}).headers["location"] == "/"
    assert PinFile(page_secrets(config)).pin_is(PIN)


def test_a_button_counts_for_two_minutes(client: TestClient, config: Config) -> None:
    clock, form = Clock(), {"code": "", "pin": PIN, "again": PIN}
    signs = VitalSigns(clock)
    signs.serve(config.data_dir / "state.sock")
    assert client.post("/setup", data=form).status_code == 403, "nobody has pressed one"
    signs.beat(b"rb")
    clock.at += 121
    assert client.post("/setup", data=form).status_code == 403
    signs.beat(b"b")
    clock.at += 119
    assert client.post("/setup", data=form).headers["location"] == "/"


@pytest.mark.parametrize("pin", ["1234", "123456", "000000", "12345a", "654321", "121212", "1" * 13, "１２３４５６"])
def test_a_pin_that_is_easy_to_guess_is_refused_without_using_up_the_code(
    client: TestClient, config: Config, pin: str
) -> None:
    code = PinFile(page_secrets(config)).new_code()
    assert client.post("/setup", data={"code": code, "pin": pin, "again": pin}).status_code == 403
    assert client.post("/setup", data={"code": code, "pin": PIN, "again": PIN}).status_code == 303


def test_ten_wrong_pins_make_everybody_wait_longer_each_time(home: TestClient, clock: Clock) -> None:
    for left in range(9, 0, -1):
        answer = home.post("/login", data={"pin": "555666"})
        assert f"あと{left}回" in answer.text
    assert "5分たってから" in home.post("/login", data={"pin": "555666"}).text
    refused = home.post("/login", data={"pin": PIN})
    assert refused.status_code == 403
    assert "5分たってから" in refused.text, "the right PIN must wait, too, else guessing could go on"
    assert home.get("/").status_code == 200, "who is in stays in"
    clock.at += 301
    assert "10分たってから" in home.post("/login", data={"pin": "555666"}).text
    clock.at += 601
    assert home.post("/login", data={"pin": PIN}).status_code == 303
    assert "あと9回" in home.post("/login", data={"pin": "555666"}).text


def test_a_session_ends_when_it_is_not_used_or_locked(home: TestClient, post: Poster, clock: Clock) -> None:
    clock.at += 11 * 3600
    assert home.get("/").status_code == 200
    clock.at += 13 * 3600
    assert home.get("/").status_code == 303
    home.post("/login", data={"pin": PIN})
    assert post("/logout").status_code == 303
    assert home.get("/").status_code == 303


def test_a_page_open_over_a_restart_asks_for_the_pin_again(home: TestClient, config: Config) -> None:
    with TestClient(application(config), base_url=HERE, client=HOUSE, follow_redirects=False) as restarted:
        restarted.cookies = home.cookies
        assert restarted.get("/", headers={"hx-request": "true"}).headers["hx-redirect"] == "/login"


@pytest.mark.parametrize("host", ["evil.example", "denwaban.evil.example", "8.8.8.8", "", "192.168.1.20.evil.example"])
def test_a_foreign_name_that_points_here_is_refused(home: TestClient, host: str) -> None:
    assert home.get("/", headers={"host": host}).status_code == 421
    assert home.get("/static/look.css", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "192.168.1.20", "[fe80::1]:8080", "[::1]", "10.0.0.1:80", "LOCALHOST."])
def test_own_names_and_addresses_are_served(home: TestClient, host: str) -> None:
    assert home.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("address", ["8.8.8.8", "100.64.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "nonsense"])
def test_who_asks_from_outside_is_refused(config: Config, address: str) -> None:
    with TestClient(application(config), base_url=HERE, client=(address, 1)) as client:
        assert client.get("/login").status_code == 403


def test_a_form_of_another_page_changes_nothing(home: TestClient, config: Config) -> None:
    token = csrf_of(home.get("/lists").text)
    form = {"list": "allow", "number": "0399998888"}
    assert home.post("/lists/add", data=form).status_code == 403
    assert home.post("/lists/add", data={**form, "csrf": "x" + token}).status_code == 403
    for origin in ("http://evil.example", "null", ""):
        answer = home.post("/lists/add", data={**form, "csrf": token}, headers={"origin": origin})
        assert answer.status_code == 403
    assert read_lists(database_path(config)).entries == ()


def test_every_answer_carries_the_security_headers_and_pages_are_not_kept(home: TestClient) -> None:
    for path in (*PAGES, "/login", "/nothing", "/static/look.css"):
        answer = home.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert home.get("/").headers["cache-control"] == "no-store"
    cookie = home.post("/login", data={"pin": PIN}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_no_page_has_inline_script_or_style_or_a_foreign_address(home: TestClient) -> None:
    for path in (*PAGES, "/login", "/setup"):
        html = home.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html), path


def test_a_large_body_is_refused(home: TestClient) -> None:
    assert home.post("/login", data={"pin": "1" * 70_000}).status_code == 413


def test_the_language_returns_to_this_page_only(home: TestClient) -> None:
    assert home.get("/language/en?back=/calls").headers["location"] == "/calls"
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert home.get("/language/en", params={"back": elsewhere}).headers["location"] == "/"
    assert "Calls" in home.get("/calls").text


# --- what it shows -------------------------------------------------------------------------------------------------


def test_the_list_tells_who_when_and_verdict(home: TestClient) -> None:
    html = home.get("/calls").text
    for text in ("050-1234-5678", "今日 16:00", "詐欺の疑い", "警察官や検事を名乗る詐欺", "非通知", "お断りしました"):
        assert text in html


def test_a_caller_with_a_name_is_shown_by_it(home: TestClient, post: Poster) -> None:
    post("/lists/add", list="allow", number="03-1234-5678", label="<娘>")
    assert "<b>&lt;娘&gt;</b>" in home.get("/calls").text


def test_a_scam_is_one_press_from_the_block_list_but_not_from_the_allow_list(home: TestClient, post: Poster) -> None:
    assert 'name="list" value="allow"' not in home.get("/calls/scam-1").text
    assert 'name="list" value="block"' in home.get("/calls/scam-1").text
    assert 'name="list" value="allow"' in post("/calls/scam-1/mark", opinion="false_alarm").text


def test_a_call_shows_sides_counting_words_and_curve(home: TestClient) -> None:
    html = home.get("/calls/scam-1").text
    assert "<mark>警視庁捜査二課</mark>" in html
    assert html.count("<polyline") == 1
    assert 'class="alert" cx=' in html
    assert "登録されていない国内の番号なので" in html
    assert home.get("/calls/nothing").status_code == 404


def test_markup_in_a_transcript_is_text(home: TestClient, config: Config) -> None:
    said = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    database = Database(database_path(config), print)
    verdict = Assessment(Level.QUIET, 0.1, 0.1, 0, "", (Evidence("<script>alert", 0.5),))
    database.open_call(OpenCall("<i>", CallerId("<b>1</b>"), "<u>"), NOW)
    for n in range(2):
        assessed = UtteranceAssessed(Utterance(said, n, n + 1.0, "far"), verdict, 2.0)
        database.note(NoteUtterance("<i>", assessed), NOW)
    database.close_call(CloseCall("<i>", "<s>", Level.ALERT, "<em>", 0.9), NOW + 1)  # type: ignore[arg-type]
    database.close()
    for path in ("/", "/calls", "/calls/%3Ci%3E"):
        html = home.get(path).text
        for raw in ("<script>", "<img", "<i>", "<u>", "<s>", "<em>"):
            assert raw not in html
    assert "<mark>&lt;script&gt;alert</mark>(1)&lt;/script&gt;&lt;img" in home.get("/calls/%3Ci%3E").text


def test_the_recording_is_played_in_parts(home: TestClient, config: Config) -> None:
    data = (recordings_dir(config) / "scam-1.flac").read_bytes()
    part = home.get("/calls/scam-1/sound", headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert part.headers["content-type"] == "audio/flac"
    assert home.get("/calls/scam-1/sound", headers={"range": f"bytes={len(data)}-"}).status_code == 416
    assert home.get("/calls/call-0/sound").status_code == 404


@pytest.mark.parametrize(
    "path", ["/calls/..%2F..%2Fweb-pin.json/sound", "/static/..%2F..%2Fpin.py", "/static/%2e%2e/pin.py"]
)
def test_no_other_file_can_be_read(home: TestClient, path: str) -> None:
    assert home.get(path).status_code == 404


def test_a_call_of_four_hours_is_shown_in_parts(home: TestClient, config: Config) -> None:
    database = Database(database_path(config), print)
    database.open_call(OpenCall("long", None, "screen:no_report"), NOW)
    verdict = Assessment(Level.QUIET, 0.1, 0.1, 0, "", ())
    for n in range(4800):
        said = UtteranceAssessed(Utterance(f"はなし{n}です", 3.0 * n, 3.0 * n + 2, "far"), verdict, 3.0 * n)
        if n % 900 == 899:
            database.flush(60)
        database.note(NoteUtterance("long", said), NOW)
    database.close_call(CloseCall("long", "screened", Level.QUIET, "", 0.1), NOW + 14_400)
    assert database.flush(60)
    database.close(60)
    begun = time.perf_counter()
    html = home.get("/calls/long").text
    assert time.perf_counter() - begun < 1.0
    assert len(html) < 400_000
    assert "はなし299です" in html
    assert "はなし300です" not in html
    assert "4:00:0" in home.get("/calls/long?part=16").text or "はなし4799です" in home.get("/calls/long?part=16").text
    assert home.get("/calls/long?part=999999").status_code == 200


def test_five_thousand_calls_are_paged_quickly(home: TestClient, config: Config) -> None:
    with closing(sqlite3.connect(database_path(config))) as db, db:
        db.executemany(
            "INSERT INTO calls VALUES (?, ?, ?, '0312345678', NULL, 'screen:domestic', 'screened', 'quiet', '', 0.1)",
            ((f"many-{n}", NOW - 100_000 - 60 * n, NOW - 100_000 - 60 * n + 30) for n in range(5000)),
        )
    home.get("/calls")
    for page in (1, 100, 201):
        begun = time.perf_counter()
        answer = home.get(f"/calls?page={page}")
        assert time.perf_counter() - begun < 0.3
        assert answer.text.count('class="call ') == (25 if page < 201 else 7)
    assert "5,007" in answer.text
    assert home.get("/calls?page=99999999999999999999").status_code == 200


# --- what it changes -----------------------------------------------------------------------------------------------


def test_a_false_alarm_is_marked_and_taken_back(home: TestClient, post: Poster, config: Config) -> None:
    assert "「まちがい」と覚えました" in post("/calls/scam-1/mark", opinion="false_alarm").text
    assert [one.opinion for one in CallReader(database_path(config)).feedback(0.0)] == ["false_alarm"]
    part = home.post(
        "/calls/scam-1/mark",
        data={"csrf": csrf_of(home.get("/calls/scam-1").text), "opinion": "none"},
        headers={"hx-request": "true"},
    )
    assert part.text.lstrip().startswith("<section")
    assert CallReader(database_path(config)).feedback(0.0) == ()
    assert post("/calls/scam-1/mark", opinion="none").status_code == 200, "taken back in another tab"


def test_a_call_is_kept_and_then_deleted_after_a_question(home: TestClient, post: Poster, config: Config) -> None:
    assert "残します" in post("/calls/scam-1/keep", wanted="1").text
    assert CallReader(database_path(config)).kept() == {"scam-1"}
    assert "本当に消しますか" in home.get("/calls/scam-1/delete").text
    assert home.get("/calls/scam-1").status_code == 200, "asking deletes nothing"
    assert post("/calls/scam-1/delete").status_code == 303
    assert home.get("/calls/scam-1").status_code == 404
    assert not (recordings_dir(config) / "scam-1.flac").exists()
    assert post("/calls/scam-1/delete").status_code == 303, "a second tab is no error"


def test_a_call_that_still_runs_is_not_deleted(home: TestClient, post: Poster, config: Config) -> None:
    database = Database(database_path(config), print)
    database.open_call(OpenCall("now", None, "screen:domestic"), NOW - 60)
    database.close()
    assert "まだ話し中です" in post("/calls/now/delete").text
    assert home.get("/calls/now").status_code == 200


def test_two_tabs_may_edit_one_list(home: TestClient, post: Poster, config: Config) -> None:
    for _tab in range(2):
        assert (
            "03-9999-8888 を加えました"
            in post("/lists/add", list="block", number="03-9999-8888", label="押し売り").text
        )
    assert "外しました" in post("/lists/remove", list="block", pattern="0399998888").text
    assert "もう外されていました" in post("/lists/remove", list="block", pattern="0399998888").text
    assert read_lists(database_path(config)).entries == ()


def test_what_is_no_number_is_refused_and_what_was_typed_stays(post: Poster) -> None:
    answer = post("/lists/add", list="allow", number="むすめ", label="娘")
    assert answer.status_code == 409
    assert 'value="むすめ"' in answer.text
    assert "市外局番から" in answer.text


def test_the_next_call_is_let_through_and_not_any_more(home: TestClient, post: Poster, config: Config) -> None:
    assert "今日 17:10まで" in post("/lists/let-through", minutes="10").text
    assert read_lists(database_path(config)).let_through_until == NOW + 600
    assert "今日 17:10まで" in home.get("/lists").text
    post("/lists/let-through", minutes="0")
    assert read_lists(database_path(config)).let_through_until is None
    assert post("/lists/let-through", minutes="9999").status_code == 400


def policy_form(page: TestClient, **changed: str) -> dict[str, str]:
    """The form of the policy as the page shows it, and what somebody changes in it."""
    html = page.get("/lists").text
    was = dict(re.findall(r'name="was_(\w+)" value="([^"]*)"', html))
    begin, _, end = was["quiet_hours"].partition("-")
    shown = {name: value for name, value in was.items() if name != "quiet_hours"}
    return {f"was_{name}": value for name, value in was.items()} | shown | {
        "quiet_from": begin, "quiet_to": end, **changed
    }  # fmt: skip


def test_a_decision_about_callers_counts_and_a_second_tab_does_not_undo_it(
    home: TestClient, post: Poster, config: Config
) -> None:
    other_tab = policy_form(home, payphone="allow")
    assert "すぐに効きます" in post("/lists/policy", **policy_form(home, withheld="screen")).text
    post("/lists/policy", **other_tab)
    assert read_lists(database_path(config)).policy == (("payphone", "allow"), ("withheld", "screen"))
    post("/lists/policy", **policy_form(home, withheld="refuse"))
    assert read_lists(database_path(config)).policy == (("payphone", "allow"),), "as configured: nothing to keep"


def test_quiet_hours_are_changed_and_half_a_span_is_refused(home: TestClient, post: Poster, config: Config) -> None:
    assert post("/lists/policy", **policy_form(home, quiet_to="")).status_code == 409
    post("/lists/policy", **policy_form(home, quiet_from="21:00"))
    assert read_lists(database_path(config)).policy == (("quiet_hours", "21:00-06:30"),)
    post("/lists/policy", **policy_form(home, quiet_from="", quiet_to=""))
    assert read_lists(database_path(config)).policy == (("quiet_hours", ""),)
    assert post("/lists/policy", **policy_form(home, withheld="maybe")).status_code == 400


def test_all_devices_are_locked_at_once(home: TestClient, post: Poster, config: Config) -> None:
    with TestClient(home.app, base_url=HERE, client=HOUSE, follow_redirects=False) as lost:
        lost.post("/login", data={"pin": PIN}, headers={"origin": HERE})
        assert lost.get("/").status_code == 200
        post("/logout", all="1")
        assert lost.get("/").status_code == 303
    assert home.get("/").status_code == 303


# --- when something is wrong ---------------------------------------------------------------------------------------


def test_a_locked_database_is_told_and_nothing_is_changed(
    home: TestClient, post: Poster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("denwaban.store.files.BUSY_S", 0.0)
    token = csrf_of(home.get("/lists").text)
    with closing(sqlite3.connect(database_path(config), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = home.post("/lists/add", data={"csrf": token, "list": "block", "number": "0399998888"})
        assert answer.status_code == 503
        assert "箱がいま書き込みをしていて" in answer.text
        assert home.get("/calls").status_code == 200, "reading goes on"
    assert read_lists(database_path(config)).entries == ()


@pytest.mark.parametrize(
    ("damage", "words_shown"),
    [
        ("missing", "まだ一度も"),
        ("newer", "プログラムを新しく"),
        ("older", "箱を一度動かすと"),
        ("broken", "記録を読めません"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_and_left_alone(
    home: TestClient, post: Poster, config: Config, damage: str, words_shown: str
) -> None:
    path, token = database_path(config), csrf_of(home.get("/lists").text)
    if damage == "missing":
        path.unlink()
    elif damage == "broken":
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
        path.write_bytes(b"this is no database, but long enough for one to be suspected" * 100)
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA user_version = {999 if damage == 'newer' else 1}")
    before = path.read_bytes() if path.exists() else None
    for page in ("/calls", "/calls/scam-1", "/lists"):
        answer = home.get(page)
        assert answer.status_code == 503
        assert words_shown in answer.text
    assert home.post("/lists/add", data={"csrf": token, "list": "block", "number": "0399998888"}).status_code == 503
    assert home.get("/").status_code == 200, "the status page is there when it is needed"
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_box_that_does_not_run_is_told(home: TestClient) -> None:
    assert "箱のプログラムが止まっています" in home.get("/").text


def test_an_address_that_is_not_there_is_told_in_words(home: TestClient) -> None:
    for path in ("/nothing", "/calls/scam-1/mark"):
        answer = home.get(path)
        assert answer.status_code == 404
        assert "その画面はありません" in answer.text


# --- words ---------------------------------------------------------------------------------------------------------


def test_every_word_has_both_languages_and_the_same_places() -> None:
    for key, said in words().items():
        assert said.ja, key
        assert said.en, key
        assert said.ja.count("{}") == said.en.count("{}"), key


def test_every_key_of_a_template_is_a_word() -> None:
    sources = "".join(path.read_text("utf-8") for path in TEMPLATES.glob("*.html"))
    used = set(re.findall(r"\bt\('(\w+)'[,)]", sources))
    assert len(used) > 60
    assert used <= set(words())


def test_no_word_is_left_over() -> None:
    web = TEMPLATES.parent
    sources = "".join(path.read_text("utf-8") for path in (*TEMPLATES.glob("*.html"), *web.glob("*.py")))
    sources += "".join(path.read_text("utf-8") for path in web.parent.glob("household*.py"))
    literal = set(re.findall(r"""['"](\w+)['"]""", sources))
    begun = (*(key for key in literal if key.endswith("_")), "box_", "help_", "why_", "drill_what_")
    states = {f"{kind}_{state}{do}" for kind in KINDS for state in STATES for do in ("", "_do")}
    ends = {f"{name}{end}" for name in ("allow", "block", "called") for end in ("", "_what", "_caller")}
    left = {key for key in words() if key not in literal | states | ends and not key.startswith(begun)}
    assert left == set()
    never = {
        f"{name}{do}" for name in ("pair_answered", "pair_taken", "test_answered", "drill_taken") for do in ("", "_do")
    }
    assert states - never <= set(words())


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_english(home: TestClient, path: str) -> None:
    home.get("/language/en")
    answer = home.get(path)
    assert answer.status_code == 200
    assert 'lang="en"' in answer.text
