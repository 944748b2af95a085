"""A curve as SVG: lines through points, each with its interval. Written by hand, so that the same figures give the same
file, that it is small, and that it follows the reader's light or dark mode."""

import math
from dataclasses import dataclass

from rounds import Estimate

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 64, 56

# Two colours that are told apart by everybody, on either ground.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #444 }
  .title { font-size: 15px; font-weight: 600; fill: #111 }
  .grid { stroke: #ddd; stroke-width: 1 }
  .line { fill: none; stroke-width: 2 }
  .line.first { stroke: #0b62a8 } .dot.first, .name.first { fill: #0b62a8 }
  .line.second { stroke: #b85c00 } .dot.second, .name.second { fill: #b85c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #bbb } .title { fill: #eee } .grid { stroke: #444 }
    .line.first { stroke: #6cb6ff } .dot.first, .name.first { fill: #6cb6ff }
    .line.second { stroke: #ffa657 } .dot.second, .name.second { fill: #ffa657 }
  }
"""


@dataclass(frozen=True)
class Line:
    """One curve: its name, and what was found at each x."""

    name: str
    points: dict[int, Estimate]


@dataclass(frozen=True)
class Chart:
    """`ticks` names the places on the x axis, which is logarithmic unless there is a zero among them."""

    title: str
    x_title: str
    y_title: str
    ticks: dict[int, str]
    lines: list[Line]


def _step(most: float) -> float:
    """A round step that divides up to `most` into four to eight parts."""
    power = 10 ** math.floor(math.log10(most / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if most / (power * factor) <= 8)


def svg(chart: Chart) -> str:
    """The file's text."""
    estimates = [estimate for line in chart.lines for estimate in line.points.values()]
    step = _step(max(max(estimate.high for estimate in estimates), 1))
    top = math.ceil(max(estimate.high for estimate in estimates) / step) * step
    bottom = min(0, math.floor(min(estimate.low for estimate in estimates) / step) * step)
    places = {at: at if 0 in chart.ticks else math.log10(at) for at in chart.ticks}
    first, last = min(places.values()), max(places.values())

    def x(at: int) -> float:
        return round(LEFT + 16 + (places[at] - first) / (last - first) * (WIDTH - LEFT - RIGHT - 32), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" width="{WIDTH}">',
        f"<title>{chart.title}</title>\n<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="22">{chart.title}</text>',
        f'<text x="{LEFT}" y="44">{chart.y_title}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{chart.x_title}</text>',
    ]
    for number in range(round((top - bottom) / step) + 1):
        value = bottom + number * step
        parts.append(f'<path class="grid" d="M{LEFT} {y(value)}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>')
    for at, name in chart.ticks.items():
        parts.append(f'<text x="{x(at)}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{name}</text>')
    for number, line in enumerate(chart.lines):
        parts += _line(line, ("first", "second")[number], x, y)
        if len(chart.lines) > 1:
            parts.append(
                f'<text class="name {("first", "second")[number]}" x="{WIDTH - RIGHT}" '
                f'y="{26 + 18 * number}" text-anchor="end">{line.name}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(line: Line, kind: str, x, y) -> list[str]:
    way = "L".join(f"{x(at)} {y(found.value)}" for at, found in line.points.items())
    parts = [f'<path class="line {kind}" d="M{way}"/>']
    for at, found in line.points.items():
        parts.append(f'<path class="line {kind}" d="M{x(at)} {y(found.low)}V{y(found.high)}"/>')
        parts.append(f'<circle class="dot {kind}" cx="{x(at)}" cy="{y(found.value)}" r="4"/>')
    return parts
