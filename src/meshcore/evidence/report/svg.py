"""Charts drawn as inline SVG: colours by class, so that a page decides them for light, dark and paper."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from meshcore.evidence.distribution import distribution
from meshcore.evidence.monitor.log import Hole
from meshcore.evidence.report import format as words
from meshcore.evidence.report.charts import MOST_MARKS, Chart, Columns, Group, Lane, Lanes, Line, Lines, Spread, Tone

WIDTH = 960.0
_RIGHT = 24.0
_LABELS = 176.0  # the room left of lanes and groups
_NUMBERS = 56.0  # the room left of an axis of counts
_LANE, _PLOT, _GROUP = 30.0, 190.0, 74.0
_AXIS = 26.0
_MOST_DOTS = 300  # of a group
_MOST_POINTS = 1_200  # of a line
_BIN = 6.0
_LABEL_LIMIT = 26

_TIME_STEPS = (
    5,
    10,
    15,
    30,
    60,
    300,
    900,
    1800,
    3600,
    2 * 3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    86400,
    2 * 86400,
    7 * 86400,
)
_SPAN_TICKS = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 86400.0, 864000.0, 8640000.0)
_FINE_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_FINE_BELOW = 200.0  # the ratio of the edges of an axis


def draw(chart: Chart, number: int) -> str:
    """Return a chart as an SVG element; `number` tells the charts of a page apart."""
    if isinstance(chart, Lanes):
        height, parts = _lanes(chart)
    elif isinstance(chart, Columns):
        height, parts = _columns(chart)
    elif isinstance(chart, Spread):
        height, parts = _spread(chart)
    else:
        height, parts = _lines(chart)
    hatch = f"hatch{number}"
    body = "".join(parts).replace("url(#hatch)", f"url(#{hatch})")
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-labelledby="c{number}t c{number}d">'
        f'<title id="c{number}t">{escape(chart.title)}</title><desc id="c{number}d">{escape(chart.about)}</desc>'
        f'<defs><pattern id="{hatch}" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/>'
        f'<line class="hatch-line" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>{body}</svg>'
    )


# --- axes -------------------------------------------------------------------------------------------------------------


class _Time:
    """Moments to x, between two edges; a range of no length is given a minute."""

    def __init__(self, start: datetime, end: datetime, left: float) -> None:
        self.start, self.left = start, left
        self.seconds = max((end - start).total_seconds(), 60.0)
        self.width = WIDTH - _RIGHT - left

    def x(self, at: datetime) -> float:
        part = (at - self.start).total_seconds() / self.seconds
        return self.left + self.width * min(1.0, max(0.0, part))

    def axis(self, top: float, bottom: float) -> Iterator[str]:
        step = next(
            (step for step in _TIME_STEPS if self.seconds / step <= 9), 86400 * math.ceil(self.seconds / 777600)
        )
        first = math.ceil(self.start.timestamp() / step) * step
        day = ""
        for stamp in range(first, int(self.start.timestamp() + self.seconds) + 1, step):
            at = datetime.fromtimestamp(stamp, UTC)
            today = f"{at.day} {at:%b}"
            clock = f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
            text = today if step >= 86400 or clock in ("00:00", "00:00:00") else clock
            if day == "" and step < 86400:
                text = f"{today}, {clock}"
            day = today
            yield _grid(self.x(at), top, bottom, text)

    def holes(self, holes: Iterable[Hole], top: float, height: float) -> Iterator[str]:
        for hole in holes:
            x, end = self.x(hole.since), self.x(hole.until)
            if end - x >= 0.5:
                told = f"no record for {words.span(hole.seconds)}, from {words.moment(hole.since)} UTC"
                yield (
                    f'<rect class="hole" fill="url(#hatch)" x="{x:.1f}" y="{top:g}" width="{end - x:.1f}"'
                    f' height="{height:g}"><title>{escape(told)}</title></rect>'
                )


def _grid(x: float, top: float, bottom: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{x:.1f}" y1="{top:g}" x2="{x:.1f}" y2="{bottom:g}"/>'
        f'<text class="tick" x="{x:.1f}" y="{bottom + 16:g}" text-anchor="middle">{escape(text)}</text>'
    )


def _counts(most: int, top: float, bottom: float, left: float) -> tuple[float, list[str]]:
    """Return the number at the upper edge, and the lines and labels of an axis of counts."""
    rough = max(most, 1) / 4
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = max(1, next(int(m * power) for m in (1, 2, 5, 10) if m * power >= rough))
    upper = step * math.ceil(max(most, 1) / step)
    parts = []
    for value in range(0, upper + 1, step):
        y = bottom - (bottom - top) * value / upper
        parts.append(
            f'<line class="grid" x1="{left:g}" y1="{y:.1f}" x2="{WIDTH - _RIGHT:g}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{left - 8:g}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>'
        )
    return float(upper), parts


def _label(text: str, y: float, left: float = _LABELS) -> str:
    shown = text if len(text) <= _LABEL_LIMIT else text[: _LABEL_LIMIT - 1] + "…"
    return f'<text class="label" x="{left - 14:g}" y="{y:g}" text-anchor="end">{escape(shown)}</text>'


# --- lanes ------------------------------------------------------------------------------------------------------------


def _lanes(chart: Lanes) -> tuple[float, list[str]]:
    time = _Time(chart.start, chart.end, _LABELS)
    top, bottom = 6.0, 6.0 + _LANE * max(len(chart.lanes), 1)
    parts = [*time.axis(top, bottom), *time.holes(chart.holes, top, bottom - top)]
    many = sum(len(lane.marks) for lane in chart.lanes) > MOST_MARKS
    for number, lane in enumerate(chart.lanes):
        middle = top + _LANE * (number + 0.5)
        parts.append(_label(lane.label, middle + 4))
        parts.append(f'<line class="lane" x1="{_LABELS:g}" y1="{middle:g}" x2="{WIDTH - _RIGHT:g}" y2="{middle:g}"/>')
        parts += _binned(lane, time, middle) if many else _marks(lane, time, middle)
    return bottom + _AXIS, parts


def _marks(lane: Lane, time: _Time, y: float) -> Iterator[str]:
    for mark in lane.marks:
        x = time.x(mark.at)
        end = x if mark.until is None else time.x(mark.until)
        bar = (
            f'<line class="span {mark.tone}" x1="{x:.1f}" y1="{y:g}" x2="{end:.1f}" y2="{y:g}"/>' if end - x > 2 else ""
        )
        yield f"<g>{bar}{shape(mark.tone, x, y)}<title>{escape(mark.text)}</title></g>"


def shape(tone: Tone, x: float, y: float) -> str:
    """Return a mark whose form says the same as its colour: first ■, again ●, failed ✕, waiting ◆, else ○."""
    if tone == "first":
        return f'<rect class="first" x="{x - 4.5:.1f}" y="{y - 4.5:g}" width="9" height="9"/>'
    if tone == "bad":
        return f'<path class="cross" d="M{x - 4:.1f} {y - 4:g}l8 8m0 -8l-8 8"/>'
    if tone == "wait":
        return f'<path class="wait" d="M{x:.1f} {y - 6:g}l6 6l-6 6l-6 -6z"/>'
    return f'<circle class="{tone}" cx="{x:.1f}" cy="{y:g}" r="{4 if tone == "quiet" else 5}"/>'


def _binned(lane: Lane, time: _Time, middle: float) -> Iterator[str]:
    """Draw a lane with many marks as columns, what is healed below the rest."""
    bins: dict[int, Counter[str]] = {}
    for mark in lane.marks:
        bins.setdefault(int((time.x(mark.at) - time.left) / _BIN), Counter())[mark.tone] += 1
    most = max((sum(tones.values()) for tones in bins.values()), default=1)
    for index, tones in sorted(bins.items()):
        y = middle + _LANE / 2 - 3
        for tone in ("first", "again", "quiet", "wait", "bad"):
            if tones[tone]:
                height = (_LANE - 6) * tones[tone] / most
                y -= height
                yield _rect(tone, time.left + index * _BIN, y, _BIN - 1, height, f"{tones[tone]:,}")


def _rect(tone: str, x: float, y: float, width: float, height: float, text: str) -> str:
    return (
        f'<rect class="{tone}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"<title>{escape(text)}</title></rect>"
    )


# --- columns ----------------------------------------------------------------------------------------------------------


def _columns(chart: Columns) -> tuple[float, list[str]]:
    size = max((len(series.values) for series in chart.series), default=0)
    totals = [sum(series.values[i] for series in chart.series) for i in range(size)]
    time = _Time(chart.start, chart.start + timedelta(seconds=chart.step * max(size, 1)), _NUMBERS)
    top, bottom = 8.0, 8.0 + _PLOT
    upper, parts = _counts(max(totals, default=1), top, bottom, _NUMBERS)
    parts += time.axis(top, bottom)
    parts += time.holes(chart.holes, top, _PLOT)
    width = time.width / max(size, 1)
    gap = 1.0 if width > 3 else 0.0
    for index, total in enumerate(totals):
        y, x = bottom, time.left + width * index
        at = chart.start + timedelta(seconds=chart.step * index)
        for series in chart.series:
            if value := series.values[index]:
                height = _PLOT * value / upper
                y -= height
                told = f"{words.moment(at)} UTC: {value:,} {series.label} of {total:,}"
                thick = min(max(width - gap, 0.8), 48.0)
                parts.append(_rect(series.tone, x + (width - thick) / 2, y, thick, height, told))
    return bottom + _AXIS, parts


# --- spreads ----------------------------------------------------------------------------------------------------------


def _spread(chart: Spread) -> tuple[float, list[str]]:
    every = [max(value, _SPAN_TICKS[0]) for group in chart.groups for value in group.seconds]
    low, high = min(every, default=0.1) / 1.5, max(every, default=10.0) * 1.5
    while high / low < 20:
        low, high = low / 1.5, high * 1.5
    inner = WIDTH - _RIGHT - _LABELS

    def x(value: float) -> float:
        return _LABELS + inner * (math.log(max(value, _SPAN_TICKS[0]) / low) / math.log(high / low))

    top, bottom = 6.0, 6.0 + _GROUP * max(len(chart.groups), 1)
    ticks = _FINE_TICKS if high / low < _FINE_BELOW and low >= _FINE_TICKS[0] / 2 else _SPAN_TICKS
    parts = [_grid(x(value), top, bottom, words.span(value)) for value in ticks if low <= value <= high]
    for number, group in enumerate(chart.groups):
        middle = top + _GROUP * (number + 0.5)
        parts.append(_label(group.label, middle))
        parts.append(
            f'<text class="tick" x="{_LABELS - 14:g}" y="{middle + 16:g}" text-anchor="end">'
            f"n = {len(group.seconds):,}</text>"
        )
        xs = [x(value) for value in group.seconds]
        parts += _heap(group, xs, middle) if len(xs) > _MOST_DOTS else _dots(group, xs, middle)
        parts += _told(group, x, middle)
    return bottom + _AXIS, parts


def _dots(group: Group, xs: Sequence[float], middle: float) -> Iterator[str]:
    """Draw every value; those that would cover one another are put above and below by turns."""
    piles: Counter[int] = Counter()
    for value, x in sorted(zip(group.seconds, xs, strict=True)):
        at = round(x / 7)
        turn = piles[at]
        piles[at] += 1
        away = min((turn + 1) // 2 * 7, 24) * (1 if turn % 2 else -1)
        yield (
            f'<circle class="dot {group.tone}" cx="{x:.1f}" cy="{middle + away:g}" r="4">'
            f"<title>{words.span(value)}</title></circle>"
        )


def _heap(group: Group, xs: Sequence[float], middle: float) -> Iterator[str]:
    heights = Counter(int((x - _LABELS) / _BIN) for x in xs)
    most = max(heights.values(), default=1)
    for index, n in sorted(heights.items()):
        height = (_GROUP - 22) * n / most
        yield _rect(group.tone, _LABELS + index * _BIN, middle + _GROUP / 2 - 8 - height, _BIN - 1, height, f"{n:,}")


def _told(group: Group, x: Callable[[float], float], middle: float) -> Iterator[str]:
    found = distribution(group.seconds)
    if found.median is None or found.p90 is None:
        return
    for name, value in (("median", found.median), ("p90", found.p90)):
        at = x(value)
        yield (
            f'<line class="{name}" x1="{at:.1f}" y1="{middle - 26:g}" x2="{at:.1f}" y2="{middle + 28:g}">'
            f"<title>{name} {words.span(value)}</title></line>"
        )
    side, anchor = (-6, "end") if x(found.p90) - x(found.median) < 130 else (6, "start")
    yield (
        f'<text class="told" x="{x(found.median) + side:.1f}" y="{middle - 22:g}" text-anchor="{anchor}">'
        f"median {words.span(found.median)}</text>"
    )


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(chart: Lines) -> tuple[float, list[str]]:
    time = _Time(chart.start, chart.end, _NUMBERS)
    top, bottom = 8.0, 8.0 + _PLOT
    most = max((value for line in chart.lines for _, value in line.points), default=1)
    upper, parts = _counts(most, top, bottom, _NUMBERS)
    parts += time.axis(top, bottom)
    parts += time.holes(chart.holes, top, _PLOT)
    for line in chart.lines:
        for run in _runs(line, chart.holes):
            points = _thinned([(time.x(at), bottom - _PLOT * value / upper) for at, value in run])
            path = f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
            parts.append(f'<path class="line {line.tone}" d="{path}"><title>{escape(line.label)}</title></path>')
            if len(points) == 1:
                parts.append(f'<circle class="{line.tone}" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3"/>')
    return bottom + _AXIS, parts


def _runs(line: Line, holes: Sequence[Hole]) -> Iterator[list[tuple[datetime, int]]]:
    """Yield the points of a line, parted where a hole begins."""
    begins = {hole.since for hole in holes}
    run: list[tuple[datetime, int]] = []
    for point in line.points:
        run.append(point)
        if point[0] in begins:
            yield run
            run = []
    if run:
        yield run


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most so many points as can be seen; first and last stay."""
    if len(points) <= _MOST_POINTS:
        return points
    step = len(points) / _MOST_POINTS
    return [points[int(i * step)] for i in range(_MOST_POINTS)] + points[-1:]
