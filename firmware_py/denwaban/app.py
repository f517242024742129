"""Wires everything: the one place that knows every adapter."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.push import PushSender
from denwaban.alert.queued import QueuedAlerts
from denwaban.alerting import (
    alerts_of,
    phone_state,
    push_sender,
    queued_alerts,
    reachable_contacts,
    start_alerts,
)
from denwaban.audio.device import SoundSystem
from denwaban.audio.line_input import SoundInput
from denwaban.audio.prompts import PromptLibrary
from denwaban.audio.sides import LevelSides
from denwaban.audio.speaker import SilentSpeaker, SoundSpeaker
from denwaban.audio.vad import Segmenter
from denwaban.config import Config
from denwaban.detect.judge import CallJudge
from denwaban.detect.model import ScamModel, load_model
from denwaban.detect.policy import Feedback, PastCall, caller_shift, household_bias, household_shift
from denwaban.detect.text import Reader
from denwaban.ears import Ears
from denwaban.effects import Effect, ReportHealth
from denwaban.errors import ConfigError, StoreError
from denwaban.events import (
    ButtonPressed,
    CallerId,
    Event,
    LineFailed,
    LineReady,
    ListenerFailed,
    TranscriptFinished,
)
from denwaban.health import HEALTHY, Health
from denwaban.line.listening import ListenLine
from denwaban.line.modem import ModemLine
from denwaban.line.profiles import PROFILES
from denwaban.listener import CallListener, MixedListener, SeparateListener
from denwaban.loop import Loop, Observer, Ports
from denwaban.panel.gpio import GpioPanel, NoPanel, fitted, open_gpio
from denwaban.paths import database_path, recording_of, recordings_dir
from denwaban.phases import SessionSettings, SessionState
from denwaban.ports import Capabilities, Clock, Line, Panel, Recognizer, Recorder, Speaker
from denwaban.rules import ScreeningRules
from denwaban.rules_watch import RulesWatch, configured_rules
from denwaban.screening import on_stop_list
from denwaban.shipped import shipped_models
from denwaban.store.database import Database
from denwaban.store.lists import RulesReader
from denwaban.store.recordings import FlacRecorder, apply_retention, delete_recording
from denwaban.supervise import Pulse
from denwaban.transcribe.catalog import load_catalog
from denwaban.transcribe.engine import load_recognizer

_log = logging.getLogger(__name__)

DAY_S = 86_400.0
MEMORY_S = 14 * DAY_S
"""Calls older than this no longer weigh on the next one."""
FEEDBACK_S = 730 * DAY_S
"""Feedback older than this is deleted; by then it weighs a sixteenth."""


def session_settings(
    config: Config, rules: ScreeningRules, line: Capabilities, *, tells_family: bool
) -> SessionSettings:
    """What the pure core needs of the configuration, and of what the line can do."""
    screening = config.screening
    return SessionSettings(
        rules,
        tells_family=tells_family,
        can_cut=line.can_cut,
        handset_wait_s=screening.handset_wait_s,
        max_call_s=screening.max_call_s,
        message_s=screening.message_s,
        fax=screening.fax,
        joins_calls=screening.join_calls or not line.can_announce,
        joins_outgoing=screening.join_outgoing,
        can_answer=line.can_announce,
        ring_through_s=60.0 * screening.ring_through_min,
    )


def engine_of(config: Config, model: ScamModel) -> str:
    """`auto` is the engine the shipped detector was measured with."""
    return model.card.engine if config.speech.engine == "auto" else config.speech.engine


def load_speech(config: Config, model: ScamModel) -> Recognizer:
    """Load the configured speech engine. Raises ModelError that says how to fetch it."""
    return load_recognizer(
        engine_of(config, model),
        config.models_dir,
        segmenter=Segmenter,
        threads=config.speech.threads,
        catalog=load_catalog(shipped_models() / "catalog.toml"),
    )


def listener_for_recording(
    config: Config, model: ScamModel, recognizer: Recognizer, channels: int, caller: CallerId | None
) -> CallListener:
    """A listener for a finished recording: one channel is the two-wire mix, two are far and near."""
    judge = CallJudge(model, Reader(), config.detector.sensitivity, caller_shift(caller))
    if channels == 1:
        return MixedListener(recognizer.start(), LevelSides(), judge)
    return SeparateListener(recognizer.start(), recognizer.start(), judge)


@dataclass(frozen=True, slots=True)
class Box:
    """A wired box. `run` blocks until `stop`."""

    loop: Loop
    database: Database
    alerts: MqttAlerts | None
    rules: RulesWatch
    outbox: QueuedAlerts | None
    push: PushSender | None

    def run(self) -> None:
        self.rules.start(self.loop.emit)
        start_alerts(self.alerts, self.push, self.loop.emit, lambda: phone_state(self.loop.state))
        try:
            self.loop.run()
        finally:
            if self.outbox is not None:
                self.outbox.close()
            if self.push is not None:
                self.push.close()
            if self.alerts is not None:
                self.alerts.close()
            self.rules.close()
            self.database.close()

    def stop(self) -> None:
        self.loop.stop()


def build_box(
    config: Config,
    *,
    clock: Clock,
    pulse: Pulse | None = None,
    observer: Observer = lambda _happening: None,
    line_waits: bool = False,
    drill: bool = False,
    config_file: Path | None = None,
    recognizer: Recognizer | None = None,
    health: Health = HEALTHY,
) -> Box:
    """Build everything from the configuration. Raises DenwabanError naming what is missing.

    `line_waits`: the line is the virtual one and stands still while the recogniser is behind. `recognizer` takes the
    place of the configured speech engine. `config_file`: where `config` is from, for a drill. `health`: known so far.
    """
    if config.line.kind == "modem" and not config.line.port:
        raise ConfigError("configuration", ("line.port: is empty; `denwaban doctor` lists the serial ports",))
    pulse, panel = pulse or Pulse(), _panel(config)
    model = load_model(shipped_models() / "scam-ja")
    recognizer = recognizer or load_speech(config, model)
    prompts, database = PromptLibrary(), _open_database(config)
    rules = RulesWatch(configured_rules(config), RulesReader(database_path(config)), clock)
    rules.look()
    sound = SoundSystem()
    line = _line(config, clock, prompts, pulse, sound)
    listeners = _listeners(config, clock, model, recognizer, database, rules)
    speaker, house = _speaker(config, prompts, sound), _housekeeping(config, clock, database)
    ears = Ears(listeners, _recorders(config), _deleter(config), line_waits=line_waits, speaker=speaker)
    alerts = alerts_of(config, clock, config_file, drill=drill, can_cut=line.capabilities.can_cut)
    push = push_sender(config, clock, database_path(config)) if alerts is not None else None
    outbox = queued_alerts(alerts, push)
    ports = Ports(clock, line, ears, database, outbox, speaker, panel, house)
    boot = f"{int(clock.wall()):x}-{secrets.token_hex(3)}"
    tells = bool(reachable_contacts(config)())
    settings = session_settings(config, rules.now.rules, line.capabilities, tells_family=tells)
    state = SessionState(boot, settings, wall_offset=rules.now.wall_offset, line_ready=False)
    loop = Loop(state, ports, _telling(pulse, observer), pulse.beater("main"), health)
    return Box(loop, database, alerts, rules, outbox, push)


def _telling(pulse: Pulse, observer: Observer) -> Observer:
    """Lets the parent process know how line and listening are and when a button was pressed; it tells the page."""

    def observe(happening: Event | Effect) -> None:
        match happening:
            case LineReady() | LineFailed():
                pulse.line(isinstance(happening, LineReady))
            case ReportHealth("deaf", "speech") | ListenerFailed(hung=True):
                pulse.listening(well=False)
            case ReportHealth("well") | TranscriptFinished(heard=True):
                pulse.listening(well=True)
            case ButtonPressed():
                pulse.button()
            case _:
                pass
        observer(happening)

    return observe


def _line(config: Config, clock: Clock, prompts: PromptLibrary, pulse: Pulse, sound: SoundSystem) -> Line:
    def modem(thread: str) -> ModemLine:
        return ModemLine(
            config.line.port,
            clock,
            prompts.line_pcm,
            PROFILES.get(config.line.profile),
            heartbeat=pulse.beater(thread),
            power_cycle_command=config.line.power_cycle_command,
        )

    if config.line.kind == "modem":
        return modem("line")
    source = SoundInput(sound, config.sound.line_input)
    return ListenLine(source, clock, pulse.beater("line"), modem("numbers") if config.line.port else None)


def _open_database(config: Config) -> Database:
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(database_path(config), on_error=lambda error: _log.error("call record not written: %s", error))


def _listeners(
    config: Config, clock: Clock, model: ScamModel, recognizer: Recognizer, database: Database, rules: RulesWatch
) -> Callable[[CallerId | None], CallListener]:
    reader = Reader()

    def listener(caller: CallerId | None) -> CallListener:
        at = clock.wall()
        past, feedback = _household(database, at)
        warned_of = on_stop_list(rules.now.rules, caller, at)
        shift = caller_shift(caller, on_stop_list=warned_of) + household_shift(past, at)
        judge = CallJudge(model, reader, config.detector.sensitivity, shift, household_bias(feedback, at))
        return MixedListener(recognizer.start(), LevelSides(), judge)

    return listener


def _household(database: Database, at: float) -> tuple[tuple[PastCall, ...], tuple[Feedback, ...]]:
    """Recent calls and feedback; none when the disk fails: better judged without memory than not at all."""
    try:
        calls, given = database.household_memory(at - MEMORY_S), database.feedback(at - FEEDBACK_S)
    except StoreError as error:
        _log.error("the call is judged without memory of earlier ones: %s", error)
        return (), ()
    past = tuple(PastCall(call.closed_at, call.score) for call in calls)
    return past, tuple(Feedback(one.at, one.opinion == "scam", one.level) for one in given)


def _recorders(config: Config) -> Callable[[str], Recorder | None]:
    def recorder(call_id: str) -> Recorder | None:
        if not config.recording.enabled:
            return None
        recordings_dir(config).mkdir(mode=0o700, parents=True, exist_ok=True)
        return FlacRecorder(recording_of(config, call_id))

    return recorder


def _deleter(config: Config) -> Callable[[str], None]:
    return lambda call_id: delete_recording(recording_of(config, call_id))


def _housekeeping(config: Config, clock: Clock, database: Database) -> Callable[[], None]:
    """Recordings and call records older than `keep_days` go, and the oldest recordings beyond `max_mb`."""

    def keep_house() -> None:
        database.forget_calls(before=clock.wall() - config.recording.keep_days * DAY_S)
        database.forget_expired(before=clock.wall())
        database.forget_feedback(before=clock.wall() - FEEDBACK_S)
        try:
            keep_days, max_mb, kept = config.recording.keep_days, config.recording.max_mb, database.kept()
            apply_retention(recordings_dir(config), clock.wall(), keep_days, max_mb, kept=kept)
        except StoreError as error:
            _log.error("old recordings stay: %s", error)

    return keep_house


def _speaker(config: Config, prompts: PromptLibrary, sound: SoundSystem) -> Speaker:
    if config.sound.speaker == "none":
        return SilentSpeaker()
    return SoundSpeaker(prompts, sound, config.sound.speaker, config.sound.volume)


def _panel(config: Config) -> Panel:
    return GpioPanel(config.panel, open_gpio()) if fitted(config.panel) else NoPanel()
