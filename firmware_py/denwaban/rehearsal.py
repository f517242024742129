"""Calls through the virtual line and the real box to a real contact: what `demo` and `simulate` run.

Nothing is fake but the telephone exchange: the modem speaks V.253 on a PTY, the driver, recogniser, detector, database,
outbox and MQTT are the ones of `denwaban run`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from denwaban.alert.contact import ContactClient
from denwaban.alert.embedded import EmbeddedBroker
from denwaban.alert.keys import UnitKey, new_private_key, public_text
from denwaban.alert.memory import ReceivedAlert
from denwaban.alert.settings import MqttSettings
from denwaban.alert.wire import Reader
from denwaban.app import Box, build_box
from denwaban.audio.prompts import PromptLibrary
from denwaban.config import (
    AlertsConfig,
    Config,
    ContactConfig,
    LineConfig,
    ScreeningConfig,
    SoundConfig,
    SpeechConfig,
    UnitConfig,
)
from denwaban.effects import Chime, CloseCall, Effect, OpenCall, SendAlert, Warn
from denwaban.errors import DenwabanError, LineError
from denwaban.events import (
    Button,
    ButtonPressed,
    Event,
    FamilyAnswered,
    FamilyTold,
    Level,
    LineFailed,
    LineReady,
    ListenerFailed,
    RecordingFailed,
    RecordingStarted,
    Reply,
    UtteranceAssessed,
)
from denwaban.loop import Observer
from denwaban.paths import unit_key_path
from denwaban.sim.callfile import CallFile
from denwaban.sim.clock import LineClock
from denwaban.sim.line_events import CallerHungUp, CallerIdSent, LineEvent, OffHook, OnHook, Ringing, TurnSpoken
from denwaban.sim.virtual_line import VirtualLine

Record = dict[str, Any]
"""One thing that happened, ready for JSON; `event` says what."""
Report = Callable[[Record], None]

UNIT: Final = "demo"
CONTACT: Final = "daughter"
CALL_LIMIT_S: Final = 1800.0
"""Real seconds for one call, whatever the machine; beyond it something hangs."""
DELIVERY_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Press:
    """A button that somebody holds, so many seconds of line time after the call came."""

    button: Button
    after_s: float


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended against what its file expects."""

    call: CallFile
    outcome: str
    level: Level
    category: str
    score: float
    delay_s: float | None
    """End of the telling utterance → alert at our contact, in seconds of line time; None without an alert."""
    hears_contact: bool = True
    """Our own contact was to be told."""

    @property
    def ok(self) -> bool:
        delivered = not self.hears_contact or self.level is not Level.ALERT or self.delay_s is not None
        return delivered and self.call.outcome in (None, self.outcome) and self.call.level in (None, self.level)


class Rehearsal:
    """A virtual household: line, box, broker and one contact, in a folder of its own. Use as a context manager.

    With `family`, a whole configuration, there is no broker and no contact of ours: that one's are told. `reply`: our
    contact answers the first news of an alert with this. `see` is shown all that happens, on the box's main thread.
    """

    def __init__(
        self,
        folder: Path,
        models_dir: Path,
        calls: Sequence[CallFile],
        speed: float,
        report: Report,
        presses: Sequence[Press] = (),
        *,
        family: Config | None = None,
        drill: bool = False,
        reply: Reply | None = None,
        see: Observer = lambda _happening: None,
    ) -> None:
        self._calls = calls
        self._presses = sorted(presses, key=lambda press: press.after_s)
        self._report = report
        self._family = family
        self._drill = drill
        self._reply = reply
        self._see = see
        self._clock = LineClock(speed)
        self._watch = _Watch(self._clock, report, hears_contact=family is None)
        self._line = VirtualLine(self._clock, observer=self._watch.line)
        self._broker = EmbeddedBroker()
        self._folder = folder
        self._models_dir = models_dir
        self._box: Box | None = None
        self._contact: ContactClient | None = None
        self._box_thread = threading.Thread(target=self._run_box, name="box", daemon=True)
        self._box_error: BaseException | None = None

    def __enter__(self) -> Rehearsal:
        if self._family is not None:
            self._build(replace(self._family, line=LineConfig(port=self._line.port), sound=SoundConfig(speaker="none")))
        else:
            self._bring_contact()
        self._line.start()
        self._box_thread.start()
        self._watch.wait_ready(self._alive)
        return self

    def _bring_contact(self) -> None:
        self._broker.start()
        key = new_private_key()
        key_file = self._folder / "contact.jwk"
        key_file.write_text(public_text(key), "utf-8")
        config = self._config(key_file)
        self._build(config)
        unit_key = UnitKey.load_or_create(unit_key_path(config))
        reader = Reader(UNIT, unit_key.jwk, CONTACT, key)
        self._contact = ContactClient(MqttSettings(self._broker.host, self._broker.port), reader, self._alert)
        self._contact.start()
        if not self._contact.wait_subscribed(30):
            raise DenwabanError("the contact could not subscribe at the built-in broker")

    def _build(self, config: Config) -> None:
        self._box = build_box(config, clock=self._clock, observer=self._observe, line_waits=True, drill=self._drill)

    def _observe(self, happening: Event | Effect) -> None:
        self._watch.box(happening)
        self._see(happening)

    def _alert(self, alert: ReceivedAlert) -> Reply | None:
        self._watch.alert(alert)
        return self._reply if alert.event == "new" else None

    def __exit__(self, *_exception: object) -> None:
        if self._box is not None:
            self._box.stop()
        if self._box_thread.ident is not None:
            self._box_thread.join(30)
        self._line.close()
        if self._contact is not None:
            self._contact.close()
        self._broker.stop()

    def run(self) -> Iterator[CallResult]:
        """Place the calls one after another."""
        for call in self._calls:
            self._watch.begin(call)
            self._report({"event": "call_started", "call": call.id, "title": call.title, "title_en": call.title_en})
            self._line.ring(call)
            with self._somebody_at_the_buttons():
                result = self._watch.wait_result(call, self._alive)
            self._report(
                {
                    "event": "call_ended",
                    "call": call.id,
                    "expected": {"outcome": call.outcome, "level": call.level},
                    "outcome": {"outcome": result.outcome, "level": result.level},
                    "score": round(result.score, 3),
                    "category": result.category,
                    "delay_s": result.delay_s,
                    "ok": result.ok,
                }
            )
            if not self._line.wait_call_over(CALL_LIMIT_S):
                raise LineError("the virtual line is still busy long after the call")
            yield result

    @contextmanager
    def _somebody_at_the_buttons(self) -> Iterator[None]:
        """While the call lasts."""
        over, began = threading.Event(), self._clock.now()
        thread = threading.Thread(target=self._press, args=(over, began), name="buttons", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(30)

    def _press(self, over: threading.Event, began: float) -> None:
        assert self._box is not None
        for press in self._presses:
            while self._clock.now() < began + press.after_s:
                if over.wait(self._clock.wait_hint(began + press.after_s)):
                    return
            self._box.loop.emit(ButtonPressed(press.button, long=True))

    def _config(self, key_file: Path) -> Config:
        known = tuple(call.caller_id for call in self._calls if call.known and call.caller_id)
        return Config(
            unit=UnitConfig(name=UNIT, data_dir=str(self._folder)),
            line=LineConfig(port=self._line.port),
            screening=ScreeningConfig(allow=known),
            speech=SpeechConfig(models_dir=str(self._models_dir)),
            alerts=AlertsConfig(host=self._broker.host, port=self._broker.port, protocol="3.1.1"),
            sound=SoundConfig(speaker="none"),
            contacts=(ContactConfig(name=CONTACT, role="娘さん", key_file=str(key_file)),),
        )

    def _run_box(self) -> None:
        assert self._box is not None
        try:
            self._box.run()
        except BaseException as error:
            self._box_error = error
            raise

    def _alive(self) -> None:
        if self._box_error is not None or not self._box_thread.is_alive():
            raise DenwabanError(f"the box stopped: {self._box_error or 'without saying why'}")


class _Watch:
    """Listens to line, box and contact, reports what people want to see and finds out how a call ended."""

    def __init__(self, clock: LineClock, report: Report, *, hears_contact: bool) -> None:
        self._clock = clock
        self._hears_contact = hears_contact
        self._report = report
        self._prompts = PromptLibrary()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._closed: queue.Queue[CloseCall] = queue.Queue()
        self._received: queue.Queue[tuple[ReceivedAlert, float]] = queue.Queue()
        self._call = ""
        self._recording_from = 0.0
        self._telling_ended: float | None = None

    def begin(self, call: CallFile) -> None:
        self._call = call.id
        self._telling_ended = None

    def wait_ready(self, alive: Callable[[], None]) -> None:
        while not self._ready.wait(0.2):
            alive()

    def wait_result(self, call: CallFile, alive: Callable[[], None]) -> CallResult:
        closed = _get(self._closed, CALL_LIMIT_S, alive)
        if closed is None:
            raise DenwabanError(f"call {call.id} did not end within {CALL_LIMIT_S:.0f} s")
        delay = self._delay(closed, alive)
        return CallResult(
            *(call, closed.outcome, closed.level, closed.category, closed.score, delay),
            hears_contact=self._hears_contact,
        )

    def _delay(self, closed: CloseCall, alive: Callable[[], None]) -> float | None:
        """Wait for the whole alert, new to end, of a call that raised one."""
        if closed.level is not Level.ALERT or self._telling_ended is None or not self._hears_contact:
            return None
        delay = None
        while (received := _get(self._received, DELIVERY_LIMIT_S, alive)) is not None:
            alert, at = received
            if alert.id == closed.call_id and alert.event == "new":
                delay = round(at - self._telling_ended, 3)
            if alert.id == closed.call_id and alert.event == "end":
                return delay
        return delay

    def say(self, event: str, **fields: Any) -> None:
        with self._lock:
            self._report({"event": event, "call": self._call, "t": round(self._clock.now(), 2), **fields})

    # --- the line's thread ---

    def line(self, happening: LineEvent) -> None:
        match happening:
            case CallerIdSent():
                self.say("line", what="caller_id", number=happening.text)
            case Ringing():
                self.say("line", what="ring", n=happening.n)
            case OffHook() | OnHook():
                self.say("line", what="off_hook" if isinstance(happening, OffHook) else "on_hook", who=happening.who)
            case TurnSpoken():
                self.say("spoken", side=happening.turn.side, text=happening.turn.text)
            case CallerHungUp():
                self.say("line", what="caller_hung_up")

    # --- the box's main thread ---

    def box(self, happening: Event | Effect) -> None:
        match happening:
            case RecordingStarted():
                self._recording_from = self._clock.now()
            case OpenCall():
                self.say("decision", decision=happening.decision)
            case UtteranceAssessed():
                self._assessed(happening)
            case Warn(prompt):
                self.say("box_says", prompt=prompt, text=self._prompts[prompt].text)
            case Chime():
                self.say("box_says", prompt="chime", text="♪")
            case SendAlert():
                self.say("alert_decided", id=happening.alert_id, kind=happening.event, level=happening.level)
            case FamilyTold() | FamilyAnswered():
                self._family(happening)
            case CloseCall():
                self._closed.put(happening)
            case LineFailed() | ListenerFailed() | RecordingFailed():
                self.say("trouble", what=type(happening).__name__, reason=happening.reason)
            case ButtonPressed():
                self.say("button", button=happening.button)
            case LineReady():
                self._ready.set()
            case _:
                pass

    def _family(self, did: FamilyTold | FamilyAnswered) -> None:
        fields = {"role": did.role, "seconds": round(did.age_s, 2)}
        if isinstance(did, FamilyAnswered):
            self.say("contact_answered", reply=did.reply, **fields)
        else:
            self.say("contact_confirmed", **fields)

    def _assessed(self, heard: UtteranceAssessed) -> None:
        found = heard.assessment
        if found.level is Level.ALERT and self._telling_ended is None:
            self._telling_ended = self._recording_from + heard.utterance.t1
        self.say(
            "heard",
            side=heard.utterance.side,
            text=heard.utterance.text,
            t0=round(heard.utterance.t0, 2),
            t1=round(heard.utterance.t1, 2),
            score=None if found.score is None else round(found.score, 3),
            call_score=round(found.call_score, 3),
            stage=found.stage,
            level=found.level,
            evidence=[item.phrase for item in found.evidence],
        )

    # --- the contact's thread ---

    def alert(self, alert: ReceivedAlert) -> None:
        at = self._clock.now()
        telling = self._telling_ended if alert.event == "new" and alert.category != "help" else None
        delay = None if telling is None else round(at - telling, 3)
        self.say(
            "alert_received",
            id=alert.id,
            kind=alert.event,
            level=alert.level,
            delay_s=delay,
            scam=alert.kind,
            number=alert.number,
            evidence=list(alert.evidence),
            advice=alert.advice,
        )
        self._received.put((alert, at))


def _get(source: queue.Queue[Any], limit_s: float, alive: Callable[[], None]) -> Any:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            return source.get(timeout=0.5)
        except queue.Empty:
            alive()
    return None
