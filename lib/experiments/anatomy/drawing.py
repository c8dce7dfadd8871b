"""Drawings of the cells, all in one visual grammar.

A thick line carries a state from step to step. A box is a learned layer: weights, bias and the function written in
it; a filled box is a gate, an outlined one a candidate or a product. A circle works unit by unit. A dot joins
wires; lines that cross without a dot do not meet. Introduced in the chapter *architecture/anatomy*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, FancyBboxPatch, Polygon

from evidence.figures import COLOURS, FAINT, INK, MUTED, PAPER, WIDTH

Point = tuple[float, float]

STATE, WIRE = 2.6, 1.1
HEAD = 0.2
H_RAIL, X_RAIL = 0.9, 0.0
OLD, NEW = r"$h_{t-1}$", r"$h_t$"


class Sketch:
    """A canvas of `width` × `height` units with the elements of a cell.

    Args:
        ax: axes to draw on; its frame is removed.
        colour: of the cell.
        width, height: size of the cell's own box, in units; one unit is the width of a gate.
        scale: points of the main letters.
    """

    def __init__(self, ax: Axes, colour: str, width: float, height: float, scale: float = 11) -> None:
        self.ax, self.colour, self.scale = ax, colour, scale
        ax.set_axis_off()
        ax.set_aspect("equal")
        ax.set_xlim(-1.5, width + 1.2)
        ax.set_ylim(-1.25, height + 0.15)
        frame = FancyBboxPatch((0, -0.45), width, height + 0.45, boxstyle="round,pad=0,rounding_size=0.35")
        frame.set(facecolor="none", edgecolor=FAINT, linewidth=1.2, zorder=0)
        ax.add_patch(frame)

    def wire(self, *points: Point, state: bool = False, colour: str | None = None, head: bool = True) -> None:
        """Line through points; with `head`, an arrow at its end."""
        colour = colour or (self.colour if state else MUTED)
        *before, (x0, y0), (x1, y1) = points
        long = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
        along = ((x1 - x0) / long, (y1 - y0) / long)
        wing = HEAD * (0.75 if state else 0.5)
        end = (x1 - along[0] * HEAD * 0.9, y1 - along[1] * HEAD * 0.9) if head else (x1, y1)
        xs, ys = zip(*before, (x0, y0), end, strict=True)
        thickness, layer = (STATE, 2) if state else (WIRE, 1.5)
        self.ax.plot(xs, ys, color=colour, linewidth=thickness, zorder=layer, solid_capstyle="butt")
        if head:
            back = (x1 - along[0] * HEAD * 1.3, y1 - along[1] * HEAD * 1.3)
            sides = [(back[0] - s * along[1] * wing, back[1] + s * along[0] * wing) for s in (1, -1)]
            self.ax.add_patch(Polygon([(x1, y1), *sides], closed=True, facecolor=colour, edgecolor="none", zorder=3))

    def hop(self, at: Point, start: Point, end: Point, radius: float = 0.17) -> None:
        """Vertical wire from `start` up to `end` that jumps over the line at `at`."""
        self.wire(start, (at[0], at[1] - radius), head=False)
        arc = Arc(at, 2 * radius, 2 * radius, theta1=-90, theta2=90, color=MUTED, linewidth=WIRE, zorder=1.5)
        self.ax.add_patch(arc)
        self.wire((at[0], at[1] + radius), end)

    def dot(self, x: float, y: float, colour: str | None = None) -> None:
        """Joint of two wires."""
        self.ax.add_patch(Circle((x, y), 0.085, facecolor=colour or self.colour, edgecolor="none", zorder=4))

    def box(self, x: float, y: float, letter: str, function: str, gate: bool, width: float = 1.0) -> None:
        """Learned layer, centred at (x, y)."""
        height = 0.95
        shape = FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.2")
        shape.set(facecolor=PAPER, edgecolor="none", zorder=4)
        self.ax.add_patch(shape)
        over = FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.2")
        over.set(facecolor=to_rgba(self.colour, 0.22 if gate else 0), edgecolor=self.colour, linewidth=1.3, zorder=5)
        self.ax.add_patch(over)
        shift = 0.14 if function else 0
        self.text(x, y + shift, letter, self.scale, INK, weight="bold")
        self.text(x, y - 0.27, function, self.scale * 0.75, MUTED)

    def node(self, x: float, y: float, sign: str) -> None:
        """Unit-by-unit operation, centred at (x, y): `×`, `+`."""
        self.ax.add_patch(Circle((x, y), 0.29, facecolor=PAPER, edgecolor=INK, linewidth=1.1, zorder=5))
        arm = 0.13
        if sign == "×":
            lines = [((x - arm, x + arm), (y - arm, y + arm)), ((x - arm, x + arm), (y + arm, y - arm))]
        else:
            lines = [((x - arm, x + arm), (y, y)), ((x, x), (y - arm, y + arm))]
        for xs, ys in lines:
            self.ax.plot(xs, ys, color=INK, linewidth=1.3, zorder=6, solid_capstyle="round")

    def squash(self, x: float, y: float, function: str = "tanh") -> None:
        """Function without weights, centred at (x, y)."""
        shape = FancyBboxPatch((x - 0.42, y - 0.24), 0.84, 0.48, boxstyle="round,pad=0,rounding_size=0.24")
        shape.set(facecolor=PAPER, edgecolor=INK, linewidth=1.1, zorder=5)
        self.ax.add_patch(shape)
        self.text(x, y, function, self.scale * 0.75, INK)

    def feed(self, x: float, top: float, h: bool = True) -> None:
        """Both rails into the box whose lower edge is at `top`: h on its left, x on its right."""
        if h:
            self.dot(x - 0.22, H_RAIL)
            self.wire((x - 0.22, H_RAIL), (x - 0.22, top), colour=self.colour)
        self.dot(x + 0.22, X_RAIL, MUTED)
        self.wire((x + 0.22, X_RAIL), (x + 0.22, top))

    def inputs(self, enters: float, end: float) -> None:
        """The rail of x, entered from below at `enters`, up to `end`."""
        self.wire((enters, -1.0), (enters, X_RAIL), (end, X_RAIL), head=False)
        self.text(enters, -1.13, r"$x_t$", self.scale, INK, va="top")

    def label(self, x: float, y: float, text: str, ha: str = "left") -> None:
        """Small note."""
        self.text(x, y, text, self.scale * 0.75, MUTED, ha=ha)

    def state(self, y: float, old: str, new: str, width: float) -> None:
        """Names of a state at both ends of its line."""
        self.text(-0.6, y, old, self.scale, INK, ha="right")
        self.text(width + 0.6, y, new, self.scale, INK, ha="left")

    def text(self, x: float, y: float, text: str, size: float, colour: str, ha: str = "center", **style: str) -> None:
        """Words at (x, y) in `size` points."""
        style = {"va": "center", **style}
        self.ax.text(x, y, text, fontsize=size, color=colour, ha=ha, zorder=7, **style)  # type: ignore[arg-type]


def rnn(ax: Axes, scale: float = 11) -> None:
    """The plain tanh network over three steps: the same weights each time, the whole state rewritten each time."""
    width, y = 11.0, 1.75
    s = Sketch(ax, COLOURS["rnn"], width, 2.9, scale)
    centres = (1.9, 5.5, 9.1)
    for step, x in enumerate(centres, 1):
        s.wire((-0.45 if step == 1 else centres[step - 2] + 0.5, y), (x - 0.5, y), state=True)
        s.box(x, y, "h", "tanh", gate=False)
        s.wire((x, -1.0), (x, y - 0.475))
        s.text(x, -1.13, f"$x_{step}$", scale, INK, va="top")
        if step < len(centres):
            s.text(x + 1.8, y + 0.38, f"$h_{step}$", scale, INK)
    s.wire((centres[-1] + 0.5, y), (width + 0.45, y), state=True)
    s.state(y, r"$h_0$", r"$h_3$", width)


def lstm(ax: Axes, scale: float = 11) -> None:
    """LSTM: the cell state c runs along the top; three gates decide what is kept, written and shown."""
    width, top, gates = 9.9, 5.3, 2.55
    s = Sketch(ax, COLOURS["lstm"], width, 6.0, scale)
    f, i, g, o, out = 1.7, 3.3, 5.0, 7.1, 8.8
    write = (i + g) / 2
    s.wire((-0.45, top), (f - 0.29, top), state=True)
    s.wire((f + 0.29, top), (write - 0.29, top), state=True)
    s.wire((write + 0.29, top), (width + 0.45, top), state=True)
    s.wire((-0.45, H_RAIL), (o - 0.22, H_RAIL), state=True, head=False)
    s.inputs(0.75, o + 0.22)
    names = ((f, "f", "forget"), (i, "i", "input"), (o, "o", "output"))
    for x, letter, name in names:
        s.box(x, gates, letter, "σ", gate=True)
        s.feed(x, gates - 0.475)
        s.label(x + 0.12, gates + 0.66, name)
    s.box(g, gates, "g", "tanh", gate=False)
    s.feed(g, gates - 0.475)
    s.label(g + 0.12, gates + 0.66, "candidate")
    s.wire((f, gates + 0.475), (f, top - 0.29))
    s.node(f, top, "×")
    cross = 4.05
    s.wire((i, gates + 0.475), (i, cross), (write - 0.29, cross))
    s.wire((g, gates + 0.475), (g, cross), (write + 0.29, cross))
    s.node(write, cross, "×")
    s.wire((write, cross + 0.29), (write, top - 0.29))
    s.node(write, top, "+")
    show = 3.55
    s.dot(out, top)
    s.wire((out, top), (out, 4.6 + 0.24))
    s.squash(out, 4.6)
    s.wire((out, 4.6 - 0.24), (out, show + 0.29))
    s.wire((o, gates + 0.475), (o, show), (out - 0.29, show))
    s.node(out, show, "×")
    s.wire((out, show - 0.29), (out, H_RAIL), (width + 0.45, H_RAIL), state=True)
    s.state(top, r"$c_{t-1}$", r"$c_t$", width)
    s.state(H_RAIL, OLD, NEW, width)


def gru(ax: Axes, scale: float = 11) -> None:
    """GRU, reset after the product with U: the variant of PyTorch."""
    _gru(ax, scale, after=True)


def gru_before(ax: Axes, scale: float = 11) -> None:
    """GRU, reset before the product with U: the variant of the paper."""
    _gru(ax, scale, after=False)


def _gru(ax: Axes, scale: float, after: bool) -> None:
    width, top, middle, gates = 9.6, 5.3, 3.9, 2.2
    s = Sketch(ax, COLOURS["gru" if after else "gru_before"], width, 6.0, scale)
    branch, first, second, n, z, out = 0.7, 1.75, 3.3, 4.9, 6.65, 8.55
    product, reset = (first, second) if after else (second, first + 0.1)
    s.wire((-0.45, top), (z + 0.8 - 0.29, top), state=True)
    keep = z + 0.8
    s.wire((keep + 0.29, top), (out - 0.29, top), state=True)
    s.wire((out + 0.29, top), (width + 0.45, top), state=True)
    s.dot(branch, top)
    s.wire((branch, top), (branch, H_RAIL), (z - 0.22, H_RAIL), colour=s.colour, head=False)
    s.inputs(1.35, z + 0.22)
    s.dot(branch, middle)
    edge = 0.45 if after else 0.29
    s.wire((branch, middle), ((product if after else reset) - edge, middle), colour=s.colour)
    left, right = (product + 0.45, reset - 0.29) if after else (reset + 0.29, product - 0.45)
    s.wire((left, middle), (right, middle), colour=s.colour)
    s.wire(((reset + 0.29) if after else (product + 0.45), middle), (n - 0.5, middle), colour=s.colour)
    s.box(product, middle, r"$U_n$", "", gate=False, width=0.9)
    s.node(reset, middle, "×")
    s.box(reset, gates, "r", "σ", gate=True)
    s.feed(reset, gates - 0.475)
    s.wire((reset, gates + 0.475), (reset, middle - 0.29))
    s.label(reset + 0.12, gates + 0.68, "reset")
    s.box(n, middle, "n", "tanh", gate=False)
    s.dot(n, X_RAIL, MUTED)
    s.wire((n, X_RAIL), (n, middle - 0.475))
    s.label(n, middle + 0.68, "candidate", ha="center")
    s.box(z, gates, "z", "σ", gate=True)
    s.feed(z, gates - 0.475)
    s.label(z - 0.1, gates + 0.68, "update", ha="right")
    turn = gates + 0.95
    s.wire((z, gates + 0.475), (z, turn), (keep, turn), head=False)
    s.dot(keep, turn, MUTED)
    s.hop((keep, middle), (keep, turn), (keep, top - 0.29))
    s.node(keep, top, "×")
    s.wire((keep, turn), (out, turn), (out, middle - 0.29))
    s.label((keep + out) / 2 + 0.1, turn - 0.26, r"$1-z$", ha="center")
    s.wire((n + 0.5, middle), (out - 0.29, middle))
    s.node(out, middle, "×")
    s.wire((out, middle + 0.29), (out, top - 0.29))
    s.node(out, top, "+")
    s.state(top, OLD, NEW, width)


def page(drawings: Sequence[Callable[[Axes, float], None]], titles: Sequence[str], height: float) -> Figure:
    """Drawings side by side over the page's width, each under its title; `height` in inches."""
    fig, axes = plt.subplots(1, len(drawings), figsize=(WIDTH, height), squeeze=False)
    for ax, draw, title in zip(axes[0], drawings, titles, strict=True):
        draw(ax, 11 if len(drawings) == 1 else 10)
        if title:
            ax.set_title(title, loc="center")
    return fig
