"""Figures of a suite as matplotlib draws them: numbers where they belong, texts as they are, the same bytes each time."""

import math
import tempfile
import unittest
import warnings
from pathlib import Path

from package import needs_matplotlib, refused

# What matplotlib, XML and file names give a meaning to.
HOSTILE = "_a$x^{2}$ & <i>, \"q\" 'r' `id` @x %s \\n 100 % é λ"


def figure(name, kind, series, x=(), y=(), **more):
    return {"id": name, "kind": kind, "x": {"title": "x", **dict(x)}, "y": {"title": "y", **dict(y)}, "series": series, **more}


def curve(name, points, **more):
    return {"name": name, "x": list(range(points)), "y": [50 + x for x in range(points)], **more}


EXAMPLES = [
    figure("interval", "lines", [curve("Baseline", 12, low=[49] * 12, high=[70] * 12), curve(HOSTILE, 3, low=[49] * 3, high=[70] * 3)],
           y={"from": 0, "to": 100}),
    figure("trials", "lines", [curve(f"row {row}", 60, trial=trial) for row in range(10) for trial in range(2)]),
    figure("bars", "bars", [{"name": "people", "x": [0, 1, 2], "y": [20, 80, None], "low": [15, 79, None], "high": [30, 79.5, None]},
                            {"name": "paper", "x": [0, 1, 2], "y": [22, 78, 50], "reference": True},
                            {"name": "vehicles", "x": [0, 1, 2], "y": [40, -10, 5]}],
           x={"title": "", "categories": ["Baseline", "RAIN with six levels and a long name", HOSTILE]}, stand_in=True),
    figure("boxes", "boxes", [{"name": name, "x": [0, 1], "y": [0.5, None], "q1": [0.3, None], "q3": [0.6, None], "low": [0.1, None],
                               "high": [0.9, None]} for name in ("w_HR", "w_LR")], x={"categories": ["high side", "low side"]}),
    figure("map", "points", [{"name": f"identity {who}", "x": [who % 4, who % 4 + 0.2], "y": [who // 4, who // 4]} for who in range(16)],
           x={"title": ""}, y={"title": ""}),
    figure("sweep", "lines", [{"name": "weight", "x": [0.1, 1, 10], "y": [20, 30, 25], "low": [18, 25, 20], "high": [22, 35, 26]}],
           x={"scale": "log", "ticks": [0.1, 1, 10]}),
    figure("one-point", "lines", [curve("RAIN", 0), {"name": "Baseline", "x": [2], "y": [50]}]),
    figure("nothing", "lines", [{"name": "Baseline", "x": [1], "y": [None]}]),
]


@needs_matplotlib
class Figures(unittest.TestCase):
    def setUp(self):
        from resolute import figures

        self.module = figures
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def drawn(self, name, width="one-column", **more):
        return self.module.draw({**next(one for one in EXAMPLES if one["id"] == name), **more}, width)

    def test_pictures_are_the_same_again_whatever_a_site_has_set(self):
        import matplotlib

        with warnings.catch_warnings():
            warnings.simplefilter("error")  # as of a letter that no font has
            self.assertEqual(7, self.module.write(EXAMPLES, self.folder / "first"))
        with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.hashsalt": "another"}):
            self.module.write(EXAMPLES, self.folder / "second")
            self.assertEqual(20, matplotlib.rcParams["font.size"], "the user's settings stay")
        files = sorted(path.relative_to(self.folder / "first") for path in self.folder.glob("first/*/*"))
        self.assertEqual(2 * 2 * 7, len(files), "no points, no picture")
        for file in files:
            self.assertEqual((self.folder / "first" / file).read_bytes(), (self.folder / "second" / file).read_bytes(), file)
        for width, points in (("one-column", 3.35 * 72), ("two-columns", 6.9 * 72)):
            svg = (self.folder / "first" / width / "bars.svg").read_text()
            self.assertIn(f' width="{points:g}pt"', svg.split("<metadata>")[0])
            self.assertTrue((self.folder / "first" / width / "bars.pdf").read_bytes().startswith(b"%PDF-"))
        self.assertEqual(["first", "second"], sorted(path.name for path in self.folder.iterdir()))

    def test_texts_are_as_they_are(self):
        from matplotlib.text import Text

        self.assertFalse([text for one in EXAMPLES[:-1] for text in self.drawn(one["id"]).findobj(Text) if text.get_parse_math()])
        self.assertIn(HOSTILE, [text.get_text() for text in self.drawn("interval").legends[0].get_texts()])
        shown = [" ".join(label.get_text().split()) for label in self.drawn("bars", "two-columns").axes[0].get_yticklabels()]
        self.assertEqual(["Baseline", "RAIN with six levels and a long name", " ".join(HOSTILE.split())], shown)

    def test_an_axis_has_the_scale_and_the_ticks_that_it_is_given(self):
        [axes] = self.drawn("sweep").axes
        self.assertEqual(("log", "linear"), (axes.get_xscale(), axes.get_yscale()))
        self.assertEqual((["0.1", "1", "10"], []), ([text.get_text() for text in axes.get_xticklabels()], list(axes.get_xticks(minor=True))))
        self.assertEqual((18, 35), tuple(f(axes.collections[0].get_paths()[0].vertices[:, 1]) for f in (min, max)), "a band")

    def test_numbers_stand_where_they_belong(self):
        axes = self.drawn("interval").axes[0]
        self.assertEqual((0, 100), axes.get_ylim())
        self.assertEqual([50 + x for x in range(12)], list(axes.lines[0].get_ydata()))
        band = axes.collections[0].get_paths()[0].vertices
        self.assertEqual((49, 70), (band[:, 1].min(), band[:, 1].max()))
        axes = self.drawn("bars").axes[0]
        lengths = [[bar.get_width() for bar in group] for group in axes.containers if hasattr(group, "patches")]
        self.assertEqual([[20, 80], [40, -10, 5]], [[value for value in group if not math.isnan(value)] for group in lengths])
        self.assertIn([0, 0], [list(line.get_xdata()) for line in axes.lines], "where bars begin")
        marks = next(line for line in axes.lines if line.get_marker() == "d")
        self.assertEqual([22, 78, 50], list(marks.get_xdata()))
        middles = [bar.get_y() + bar.get_height() / 2 for bar in axes.containers[1].patches]
        for mark, middle in zip(marks.get_ydata(), middles):
            self.assertAlmostEqual(mark, middle)
        self.assertGreater(axes.get_ylim()[0], axes.get_ylim()[1], "the first on top")
        box = self.drawn("boxes").axes[0].patches[0].get_path().vertices[:, 1]
        self.assertEqual((0.3, 0.6), (box.min(), box.max()))

    def test_series_stay_apart(self):
        lines = self.drawn("trials").axes[0].lines
        pens = {(line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in lines}
        self.assertEqual((20, 10), (len(lines), len(pens)), "trials of a row are of one pen")
        points = self.drawn("map").axes[0].lines
        self.assertEqual(16, len({(one.get_color(), one.get_marker()) for one in points}))

    def test_stand_ins_say_so_in_red(self):
        notes = {text.get_text(): text.get_color() for text in self.drawn("bars").axes[0].texts}
        self.assertEqual({"stand-in, not the real data": "#b3261e"}, notes)
        self.assertFalse(self.drawn("bars", stand_in=False).axes[0].texts)

    def test_nothing_is_written_over_and_nothing_is_left_half(self):
        (self.folder / "full/of").mkdir(parents=True)
        refused(self, lambda: self.module.write(EXAMPLES, self.folder / "full"), "is there already", "name a new folder")
        refused(self, lambda: self.drawn("bars", "three"), "one-column or two-columns")
        with self.assertRaises(KeyError):
            self.module.write([*EXAMPLES[:1], {**EXAMPLES[1], "kind": "pie"}], self.folder / "out")
        self.assertEqual(["full"], [path.name for path in self.folder.iterdir()])


if __name__ == "__main__":
    unittest.main()
