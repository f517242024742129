"""The pages behind the PIN."""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from starlette.responses import FileResponse, RedirectResponse, Response

from denwaban.rules import CLASSES, QUIET_HOURS, Action, parse_quiet_hours
from denwaban.web.ask import Ask, trouble
from denwaban.web.curve import curve
from denwaban.web.port import Call, ListName, Opinion

CALLS_A_PAGE: Final = 25
WORDS_A_PAGE: Final = 300
"""A call of four hours has thousands of utterances."""
LONGEST_LABEL: Final = 60
FEW_MB: Final = 1000
"""Less free space than this is worth a word: recordings alone may take as much (`[recording] max_mb`)."""
_OPINIONS: Final[dict[str, tuple[Opinion | None, str]]] = {
    "false_alarm": ("false_alarm", "marked_false"),
    "scam": ("scam", "marked_scam"),
    "none": (None, "marked_none"),
}
_LET_THROUGH_MINUTES: Final = (0, 10, 60)


def status(ask: Ask) -> Response:
    """GET /: also the part of it that renews itself."""
    shown: dict[str, Any] = {"status_now": ask.household.status(), "last_drill": ask.family.last_drill()}
    return ask.show("status_part.html" if ask.is_part else "status.html", few_mb=FEW_MB, **shown)


def calls(ask: Ask) -> Response:
    """GET /calls."""
    page = ask.number("page")
    found, total = ask.household.calls((page - 1) * CALLS_A_PAGE, CALLS_A_PAGE)
    pages = max(1, -(-total // CALLS_A_PAGE))
    note = ask.text("deleted") if "deleted" in ask.request.query_params else ""
    return ask.show("calls.html", calls=found, total=total, page=page, pages=pages, note=note)


def _call(ask: Ask) -> Call | None:
    return ask.household.call(ask.request.path_params["id"])


def call(ask: Ask) -> Response:
    """GET /calls/{id}."""
    found = _call(ask)
    return trouble(ask, "call_gone", 404) if found is None else _show_call(ask, found)


def _show_call(ask: Ask, found: Call, note: str = "") -> Response:
    first = (ask.number("part") - 1) * WORDS_A_PAGE
    said = found.utterances[first : first + WORDS_A_PAGE]
    if ask.is_part:
        return ask.show("call_judge.html", line=found.line, note=note)
    shown: dict[str, Any] = {"said": said, "first": first, "step": WORDS_A_PAGE, "curve": curve(found.utterances)}
    news = ask.family.alert(found.line.id)
    return ask.show("call.html", call=found, line=found.line, news=news, note=note, **shown)


def _changed(ask: Ask, word: str) -> Response:
    """The call again after a change, with a note."""
    found = _call(ask)
    return trouble(ask, "call_gone", 404) if found is None else _show_call(ask, found, ask.text(word))


def mark(ask: Ask) -> Response:
    """POST /calls/{id}/mark."""
    opinion, word = _OPINIONS.get(ask.form.get("opinion", ""), _OPINIONS["none"])
    ask.household.mark(ask.request.path_params["id"], opinion)
    return _changed(ask, word)


def keep(ask: Ask) -> Response:
    """POST /calls/{id}/keep."""
    wanted = ask.form.get("wanted") == "1"
    ask.household.keep(ask.request.path_params["id"], wanted)
    return _changed(ask, "kept_on" if wanted else "kept_off")


def delete(ask: Ask) -> Response:
    """GET /calls/{id}/delete asks once more, POST deletes."""
    if ask.request.method == "POST":
        ask.household.delete(ask.request.path_params["id"])
        return RedirectResponse("/calls?deleted=1", 303)
    found = _call(ask)
    return trouble(ask, "call_gone", 404) if found is None else ask.show("delete.html", line=found.line)


def sound(ask: Ask) -> Response:
    """GET /calls/{id}/sound: the recording, or the part of it the player asks for."""
    found = _call(ask)
    if found is None or found.recording is None:
        return trouble(ask, "no_recording", 404)
    return FileResponse(found.recording, media_type="audio/flac")


def lists(ask: Ask) -> Response:
    """GET /lists."""
    return _show_lists(ask)


def _show_lists(ask: Ask, note: str = "", problem: str = "") -> Response:
    status_code = 409 if problem else 200
    found = ask.household.lists()
    shown: dict[str, Any] = {"lists": found, "quiet": _span(found.quiet_hours), "form": ask.form}
    return ask.show("lists.html", status_code, note=note, problem=problem, **shown)


def _span(quiet_hours: str) -> tuple[str, str]:
    """Begin and end as a browser writes them, both empty where there are none."""
    quiet = parse_quiet_hours(quiet_hours)
    if quiet is None:
        return "", ""
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (quiet.start, quiet.end))
    return begin, end


def add(ask: Ask) -> Response:
    """POST /lists/add."""
    name = ask.form.get("list", "")
    if name not in ("allow", "block"):
        return trouble(ask, "failed", 400)
    label = ask.form.get("label", "").strip()[:LONGEST_LABEL]
    written = ask.household.add(cast(ListName, name), ask.form.get("number", ""), label)
    if not written:
        return _show_lists(ask, problem=ask.text("bad_number"))
    return _show_lists(ask, ask.text("added", written))


def remove(ask: Ask) -> Response:
    """POST /lists/remove; another tab may have been quicker."""
    name, pattern = ask.form.get("list", ""), ask.form.get("pattern", "")
    if name not in ("allow", "block", "called"):
        return trouble(ask, "failed", 400)
    was_there = ask.household.remove(cast(ListName, name), pattern)
    return _show_lists(ask, ask.text("removed" if was_there else "removed_already", pattern))


def let_through(ask: Ask) -> Response:
    """POST /lists/let-through."""
    minutes = ask.form.get("minutes", "")
    if minutes not in map(str, _LET_THROUGH_MINUTES):
        return trouble(ask, "failed", 400)
    ask.household.let_through(int(minutes))
    return _show_lists(ask, "" if int(minutes) else ask.text("next_is_off"))


def policy(ask: Ask) -> Response:
    """POST /lists/policy. Only what was changed on this page: another tab may have changed the rest meanwhile."""
    hours = "-".join(ask.form.get(name, "") for name in ("quiet_from", "quiet_to")).strip("-")
    wanted = {name: ask.form[name] for name in CLASSES if name in ask.form} | {QUIET_HOURS: hours}
    changed = {name: value for name, value in wanted.items() if value != ask.form.get(f"was_{name}")}
    if any(value not in get_args(Action) for name, value in changed.items() if name != QUIET_HOURS):
        return trouble(ask, "failed", 400)
    try:
        parse_quiet_hours(hours)
    except ValueError:
        return _show_lists(ask, problem=ask.text("bad_hours"))
    ask.household.set_policy(changed)
    return _show_lists(ask, ask.text("policy_kept"))


def settings(ask: Ask) -> Response:
    """GET /settings."""
    return ask.show("settings.html", settings=ask.household.settings())


def manual(ask: Ask) -> Response:
    """GET /help."""
    return ask.show("help.html")


def nothing(ask: Ask) -> Response:
    """Whatever is not there."""
    return trouble(ask, "not_found", 404)
