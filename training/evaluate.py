"""`python -m training.evaluate`: how the detector does on hands it never saw. Writes report, figures and plots.

Every figure is out of fold: text models and call-level model come from other hands than the one judged. The thresholds
are those of the shipped model.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from denwaban.detect.model import CHANNELS, Channel, Thresholds, load_model
from training.calibrate import judged_by_fold
from training.dataset import CHAT
from training.figures import Case, Share, by_group, cases_of, headline, times, worst
from training.material import Material
from training.plots import plot_reliability, plot_trade_off
from training.takes import take_of
from training.train import ENGINE, MODEL_DIR, Settings, load_views, progress, scored_out_of_fold
from training.unseen import LAST_DIR, judge_chats, judge_unseen

MAIN_VIEW: Final = "written, sides mixed"
HEARD_VIEW: Final = "recognised, sides mixed"
VIEWS: Final = (
    "written, sides known",
    MAIN_VIEW,
    "written, sides unknown",
    "recognised, sides known",
    HEARD_VIEW,
    "recognised, sides unknown",
)
"""Noised calls are trained on but not reported: only what the real recogniser made of a call counts as evidence."""

Cases = dict[str, list[Case]]
"""By view."""
Unseen = dict[str, dict[str, Share]]
"""By view, then by figure."""
CHATS_COUNTED: Final = 2000
"""The first of the file; those trained on come later."""


def table(title: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> list[str]:
    """A Markdown table as lines."""
    return [
        f"| {title} | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
    ]


def grouped(cases: Sequence[Case], title: str, group: Callable[[Case], str]) -> list[str]:
    """Alerts by group, for scams and harmless calls."""
    rows = [row for row in by_group(cases, group) if row[1].n or row[2].n]
    return table(title, ("whole scam calls: alert", "harmless calls: alert"), rows)


def headlines(found: Cases) -> list[str]:
    """The main table: figures by view."""
    names = [name for name in VIEWS if found.get(name)]
    shares = [headline(found[name]) for name in names]
    rows = [(key, *(share[key] for share in shares)) for key in shares[0]]
    talk = [times(found[name]) for name in names]
    rows.append(("far turns until the alert, median", *(f"{one['turns']:g}" for one in talk)))
    rows.append(("seconds of talk until the alert, median, about", *(f"{one['seconds']:g}" for one in talk)))
    return table("", names, rows)


def per_thousand(share: Share) -> str:
    """A rate as rivals publish it."""
    low, high = (1000 * bound for bound in share.interval)
    return f"{1000 * share.k / max(1, share.n):.1f} per 1,000 ({low:.1f}–{high:.1f})"


def example(case: Case) -> str:
    """A line about a call that was judged wrongly, with the utterance that weighed most."""
    heard, scored = case.view.heard, case.view.scored
    labels = case.judged.scored.utterance
    loudest = max(range(len(scored)), key=lambda i: float(1 - labels[i, 0] - labels[i, 1]))
    said = case.call.turns[heard[scored[loudest]].turn].text
    kind = f"{case.call.label}, {case.call.category}, {case.call.difficulty}"
    return f"- `{case.call.id}` ({kind}): {case.verdict.level}, score up to {case.top:.2f}; most telling: {said}"


def outsiders(found: Unseen) -> list[str]:
    """Figures on calls by authors who saw neither corpus nor guide, and on chats never trained on."""
    calls = [name for name in found if name in VIEWS]
    rows = [(key, *(found[name][key] for name in calls)) for key in found[calls[0]]]
    lines = table("", calls, rows)
    for name in found.keys() - set(calls):
        lines += ["", *(f"{name}: {key} {share}." for key, share in found[name].items())]
    return lines


def report(found: Cases, thresholds: Mapping[Channel, Thresholds], unseen: Unseen, last: Unseen) -> str:
    """The whole report as Markdown."""
    main = [case for case in found[MAIN_VIEW] if case.call.category != CHAT]
    spoken = found.get(HEARD_VIEW, [])
    everything = headline(found[MAIN_VIEW])
    lines = [
        "# How the detector does on calls it never saw",
        "",
        "Made by `make eval`.",
        "",
        "## Calls by authors who saw neither the corpus nor its guide",
        "",
        "The shipped model as it is, through the box's own judge. None of these calls was trained on.",
        "",
        "### Judged once, when everything was chosen (`training/unseen/last/`)",
        "",
        *outsiders(last),
        "",
        "### Looked at before, while models and allowed false alarms were chosen (`training/unseen/`)",
        "",
        *outsiders(unseen),
        "",
        "## Calls by hands held out",
        "",
        "Text models and call-level model come from other hands than the one judged.",
        f"Recognised: what {ENGINE} really made of synthetic voices over a simulated telephone.",
        "Sides: known; mixed (10 % wrong, 10 % unknown); unknown throughout. In brackets: 95 % Wilson interval.",
        "Thresholds (normal): "
        + "; ".join(f"{name} alert {of.alert:g}, caution {of.caution:g}" for name, of in thresholds.items())
        + ".",
        "They were chosen on the same held-out calls (four numbers from hundreds or thousands of calls: a small",
        "optimism). The confusion model behind the noised training views has heard all hands.",
        "Unseen hands are easier than unseen people: expect less in the field.",
        "",
        *headlines(found),
        "",
        f"False alerts on harmless calls of the corpus: {per_thousand(everything['all harmless calls: alert'])}; the",
        "corpus is full of calls that are nearly scams, a household's telephone is not.",
        "",
        f"## By category ({MAIN_VIEW})",
        "",
        *grouped(main, "category", lambda case: case.call.category),
        "",
        f"## By hand ({MAIN_VIEW})",
        "",
        *grouped(main, "hand", lambda case: case.call.hand),
    ]
    if spoken:
        lines += [
            "",
            f"## By line ({HEARD_VIEW})",
            "",
            "The conditions are described in `training/recognised/README.md`.",
            "",
            *grouped(spoken, "condition", lambda case: take_of(case.call, 0).condition),
        ]
    lines += ["", f"## Most confidently wrong ({MAIN_VIEW})", "", *map(example, worst(main))]
    lines += ["", "![Reliability](reliability.svg) ![Threshold](threshold.svg)", ""]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Command line of the evaluation."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description="Evaluate on hands held out.")
    Settings.add_options(parser)
    parser.add_argument(
        "--model", type=Path, default=MODEL_DIR, help="folder whose thresholds are used and that gets the report"
    )
    options = parser.parse_args(argv)
    model = load_model(options.model)
    thresholds = {channel: model.card.thresholds[channel]["normal"] for channel in CHANNELS}
    settings, say = Settings.of(options), progress(time.monotonic())
    scored = scored_out_of_fold(settings, Material(load_views(settings)), say)
    say("judging")
    cases = cases_of(judged_by_fold(scored, folds=settings.folds), thresholds)
    found: Cases = {name: [case for case in cases if case.name == name] for name in VIEWS}
    say("calls by authors who saw neither corpus nor guide")
    unseen: Unseen = judge_unseen(model)
    if settings.chats is not None:
        unseen["The first 2,000 everyday chats of the file"] = judge_chats(model, settings.chats, CHATS_COUNTED)
    last: Unseen = judge_unseen(model, LAST_DIR)
    text = report(found, thresholds, unseen, last)
    (options.model / "report.md").write_text(text, "utf-8")
    tables = {name: headline(of) for name, of in found.items() if of}
    tables |= {f"outside authors: {name}": of for name, of in unseen.items()}
    tables |= {f"outside authors, judged once: {name}": of for name, of in last.items()}
    figures = {name: {key: [s.k, s.n] for key, s in of.items()} for name, of in tables.items()}
    (options.model / "metrics.json").write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")
    plot_reliability(found[MAIN_VIEW], options.model / "reliability.svg")
    plot_trade_off(found[MAIN_VIEW], options.model / "threshold.svg")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
