"""The figures of a suite's report, drawn by matplotlib for papers: serif letters of eight points; lines and symbols stay apart in print
without colour.

A figure is what docs/inside/formats/report.md has under `figures`: numbers, axes and words. The same numbers and matplotlib give the same bytes.
"""

import argparse
import contextlib
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Error, InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches, as in papers of two columns.
WIDTHS = {"one-column": 3.35, "two-columns": 6.9}
_COLOURS = ("#0072b2", "#c2500a", "#00795a", "#9a3d8f", "#8a6400", "#5b6670", "#b0004e", "#0088a0")  # the page's, in its order
_MARKS = "osD^vpX*"
_DASHES = ("-", "--", ":", "-.", (0, (6, 2, 1, 2, 1, 2)))
_MANY_POINTS = 25  # from which a curve has no symbols
_LETTER = 0.058  # inches
# Its own fonts, which every matplotlib brings; text of a suite is no formula; a journal takes no Type 3 fonts.
_STYLE: Any = {
    "font.family": ["STIXGeneral", "DejaVu Sans"], "font.size": 8, "text.parse_math": False, "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.6, "axes.edgecolor": "#404040", "grid.color": "#dddddd", "grid.linewidth": 0.4,
    "axes.axisbelow": True, "legend.frameon": False, "lines.markersize": 3, "svg.hashsalt": "resolute", "pdf.fonttype": 42}


@contextlib.contextmanager
def _style() -> Iterator[None]:
    try:
        import matplotlib
    except ImportError:
        raise InputError("no figure can be drawn (matplotlib is missing); install it, or take the figures of the suite's report") from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a user or a site has set
        matplotlib.rcParams.update(_STYLE)
        yield


class _Drawing:
    """One figure. Series of one name are of one colour, and in the key once."""

    def __init__(self, numbers: Mapping[str, Any], width: float):
        from matplotlib.figure import Figure

        self.kind, self.series, self.width = numbers["kind"], numbers["series"], width
        self.lies = self.kind == "bars"  # so that names of rows can be read
        self.is_map = self.kind == "points" and not numbers["x"]["title"]
        self.is_plain = any(len(one["x"]) > _MANY_POINTS for one in self.series)
        self.names = list(dict.fromkeys(one["name"] for one in self.series))
        self.marks = {one["name"] for one in self.series if one.get("reference")}
        self.lanes = [name for name in self.names if name not in self.marks]  # side by side at a place
        names = numbers["x"].get("categories", ())
        self.is_crowded = self.lies or _LETTER * sum(len(name) + 2 for name in names) > width - 0.6
        letters = 99 if not self.is_crowded else 34 if self.lies and width > 4 else 22
        self.places = [textwrap.fill(name, letters, max_lines=3) for name in names]
        self.columns = max(1, int((width - 0.3) / (_LETTER * max(map(len, self.names)) + 0.4)))
        self.figure = Figure(figsize=(width, self._height()), layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self.key: dict[str, Any] = {}
        add = {"lines": self._lines, "bars": self._bars, "boxes": self._boxes, "points": self._points}[self.kind]
        for one in self.series:
            drawn = add(one)
            if drawn is not None:
                self.key.setdefault(one["name"], drawn)
        self._axes(numbers["x"], numbers["y"])
        if numbers.get("stand_in"):  # nobody shall take it for a result
            self.axes.text(0.98, 0.95, "stand-in, not the real data", color="#b3261e", ha="right", transform=self.axes.transAxes)
        if len(self.names) > 1:
            self.figure.legend(list(self.key.values()), list(self.key), loc="outside upper center", ncols=self.columns)

    def _height(self) -> float:
        key = 0.1 + (0.135 * math.ceil(len(self.names) / self.columns) if len(self.names) > 1 else 0)
        if self.is_map:
            return min(self.width, 3.35) + key
        if self.lies:
            lines = max((place.count("\n") + 1 for place in self.places), default=1)
            return 0.55 + key + len(self.places) * max(0.3, 0.1 * len(self.lanes) + 0.12, 0.12 * lines + 0.05)
        return min(0.62 * self.width, 2.6) + key

    def _pen(self, name: str) -> tuple[str, str]:
        at = self.names.index(name)
        return _COLOURS[at % len(_COLOURS)], _MARKS[(at + at // len(_COLOURS)) % len(_MARKS)]

    def _lane(self, name: str) -> tuple[float, float]:
        """Middle and width of a bar or box at a place. A mark of the paper's stands on the bar before it."""
        before = sum(other not in self.marks for other in self.names[:self.names.index(name)])
        wide = 0.76 / max(1, len(self.lanes))
        return (max(0, before - (name in self.marks)) - (len(self.lanes) - 1) / 2) * wide, wide

    def _lines(self, one: Mapping[str, Any]) -> Any:
        colour, mark = self._pen(one["name"])
        at = self.names.index(one["name"])
        y, low, high = _numbers(one["y"]), _numbers(one.get("low", ())), _numbers(one.get("high", ()))
        pen: dict[str, Any] = {"color": colour, "linestyle": _DASHES[((at if self.is_plain else 0) + at // len(_COLOURS)) % len(_DASHES)],
                               "marker": "" if self.is_plain else mark, "linewidth": 0.7 if "trial" in one else 1.1}
        if low and len(y) == 1:  # more make a band
            return self.axes.errorbar(one["x"], y, _arms(y, low, high), capsize=1.5, **pen)
        if low:
            self.axes.fill_between(one["x"], low, high, color=colour, alpha=0.18, linewidth=0)
        return self.axes.plot(one["x"], y, **pen)[0]

    def _bars(self, one: Mapping[str, Any]) -> Any:
        middle, wide = self._lane(one["name"])
        places, values = [x + middle for x in one["x"]], _numbers(one["y"])
        if one.get("reference"):
            return self.axes.plot(values, places, "d", color="black", fillstyle="none", markersize=4)[0]
        if "low" in one:
            arms = _arms(values, _numbers(one["low"]), _numbers(one["high"]))
            self.axes.errorbar(values, places, xerr=arms, fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5)
        at = self.names.index(one["name"])
        return self.axes.barh(places, values, 0.92 * wide, color=self._pen(one["name"])[0], alpha=0.75,
                              hatch="" if at < len(_COLOURS) else "///")

    def _boxes(self, one: Mapping[str, Any]) -> Any:
        middle, wide = self._lane(one["name"])
        colour = self._pen(one["name"])[0]
        present = [at for at, value in enumerate(one["y"]) if value is not None]
        boxes = [{"med": one["y"][at], "q1": one["q1"][at], "q3": one["q3"][at], "whislo": one["low"][at], "whishi": one["high"][at]}
                 for at in present]
        if not boxes:
            return None
        line = {"color": colour}
        return self.axes.bxp(boxes, [one["x"][at] + middle for at in present], widths=0.8 * wide, showfliers=False,
                             manage_ticks=False, patch_artist=True, boxprops={"facecolor": colour + "40", "edgecolor": colour},
                             medianprops={"color": colour, "linewidth": 1.5}, whiskerprops=line, capprops=line)["boxes"][0]

    def _points(self, one: Mapping[str, Any]) -> Any:
        colour, mark = self._pen(one["name"])
        return self.axes.plot(one["x"], _numbers(one["y"]), mark, color=colour)[0]

    def _axes(self, x: Mapping[str, Any], y: Mapping[str, Any]) -> None:
        axes = self.axes
        across, up = (y, x) if self.lies else (x, y)
        axes.set_xlabel(textwrap.fill(across["title"], 40))
        axes.set_ylabel(textwrap.fill(up["title"], 40))
        if self.is_map:
            axes.set(xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_visible(True)
            return
        axes.grid(axis="x" if self.lies else "both")
        if x.get("scale") == "log":
            axes.set_xscale("log")
        if "ticks" in x:
            axes.set_xticks(x["ticks"], [f"{tick:g}" for tick in x["ticks"]])
            axes.set_xticks([], minor=True)
        axes.set_xlim(across.get("from"), across.get("to"))
        axes.set_ylim(up.get("from"), up.get("to"))
        if self.lies:  # the first on top
            axes.set_yticks(range(len(self.places)), self.places)
            axes.set_ylim(len(self.places) - 0.5, -0.5)
            axes.axvline(0, color="black", linewidth=axes.spines["left"].get_linewidth())  # bars go both ways from there
        elif self.places:
            turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if self.is_crowded else {}
            axes.set_xticks(range(len(self.places)), self.places, **turned)
            axes.set_xlim(-0.5, len(self.places) - 0.5)


def _numbers(values: Any) -> list[float]:
    """Numbers as matplotlib leaves some out."""
    return [math.nan if value is None else float(value) for value in values]


def _arms(values: list[float], low: list[float], high: list[float]) -> list[list[float]]:
    """Lengths of an interval's two sides; an interval need not hold its value."""
    return [[max(0.0, value - end) for value, end in zip(values, low)], [max(0.0, end - value) for value, end in zip(values, high)]]


def has_points(numbers: Mapping[str, Any]) -> bool:
    return any(value is not None for one in numbers["series"] for value in one["y"])


def draw(numbers: Mapping[str, Any], width: str = "one-column") -> "Figure":
    """A figure of figures.json as a matplotlib figure. numbers: has points. width: "one-column" (3.35 inches) or "two-columns" (6.9).
    Raises InputError for another width, and where matplotlib is missing."""
    if width not in WIDTHS:
        raise InputError(f"'width' is {width!r} (it is {' or '.join(WIDTHS)})")
    with _style():
        figure = _Drawing(numbers, WIDTHS[width]).figure
        figure.draw_without_rendering()  # ticks are made now, while the style holds
    return figure


def _new_folder(folder: str | os.PathLike[str]) -> Path:
    out = Path(folder)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"'{out}' is there already (nothing is written over); name a new folder")
    return out


def write(document: list[dict[str, Any]], folder: str | os.PathLike[str]) -> int:
    """Makes `folder`, whole or not at all: WIDTH/ID.svg and .pdf of each figure with points, for each of WIDTHS. Returns how many figures.
    folder: absent or empty. Raises InputError where something stands there, and where matplotlib is missing."""
    out = _new_folder(folder)
    drawn = [numbers for numbers in document if has_points(numbers)]
    scratch = out.parent / f".{out.name}.{os.getpid()}.tmp"
    try:
        with _style():
            for width in WIDTHS:
                (scratch / width).mkdir(parents=True)
                for numbers in drawn:
                    figure = draw(numbers, width)
                    for ending, date in (("svg", "Date"), ("pdf", "CreationDate")):
                        figure.savefig(scratch / width / f"{numbers['id']}.{ending}", metadata={date: None})
        os.replace(scratch, out)
    except OSError as error:
        raise InputError(f"'{out}' cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return len(drawn)


def main(words: list[str]) -> None:
    """`python -m resolute figures SUITE.toml --store STORE --out FOLDER`."""
    from .programs import run_json

    parser = argparse.ArgumentParser("python -m resolute figures", description="Draws the figures of a suite's report for a paper: SVG and "
                                     "PDF, for one column and for two.", allow_abbrev=False, epilog="Other options are those of "
                                     "`resolute suite report` that decide the suite's plan: --profile, --set, …")
    parser.add_argument("suite", metavar="SUITE.toml")
    store = os.environ.get("RESOLUTE_STORE") or None
    parser.add_argument("--store", default=store, required=store is None)
    parser.add_argument("--out", required=True, help="folder to make")
    options, others = parser.parse_known_args(words)
    try:
        _new_folder(options.out)  # before what takes long
        report = run_json(["suite", "report", options.suite, "--store", options.store, *others, "--json"])
        count = write(report["figures"], options.out)
    except Error as error:
        print(f"resolute: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
    print(f"{options.out}: {count} figures as SVG and PDF, for one column and two")

