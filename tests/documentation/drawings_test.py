"""The committed drawings are what their text descriptions give (script/support/draw)."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
FOLDERS = [ROOT / "docs", ROOT / "methods"]
TOLERANCE = 0.05  # points: what another compiler's arithmetic may do to a coordinate


def files(pattern):
    return sorted(path for folder in FOLDERS for path in folder.rglob(pattern))


def parts(drawing):
    """A drawing without its comments: the text between numbers, and the numbers."""
    text = re.sub(r"<!--.*?-->\s*", "", drawing, flags=re.DOTALL)
    return NUMBER.split(text), [float(number) for number in NUMBER.findall(text)]


def difference(committed, drawn):
    """Why two drawings are not the same, or nothing."""
    (text, numbers), (drawn_text, drawn_numbers) = parts(committed), parts(drawn)
    if text != drawn_text:
        return "other text or elements"
    moved = [(a, b) for a, b in zip(numbers, drawn_numbers) if abs(a - b) > TOLERANCE]
    return f"{len(moved)} numbers differ, the first {moved[0]}" if moved else None


class Drawings(unittest.TestCase):
    def test_every_drawing_is_the_one_its_description_gives(self):
        self.assertIsNotNone(shutil.which("dot"), "graphviz is in script/support/packages_test.txt")
        descriptions = files("*.dot")
        self.assertTrue(descriptions)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([ROOT / "script/support/draw", "--into", folder], check=True)
            for description in descriptions:
                drawn = (Path(folder) / description.with_suffix(".svg").name).read_text(encoding="utf-8")
                committed = description.with_suffix(".svg").read_text(encoding="utf-8")
                self.assertIsNone(difference(committed, drawn),
                                  f"{description.relative_to(ROOT)} is newer than its drawing; run script/support/draw")

    def test_a_changed_word_number_or_shape_is_a_difference_and_a_comment_is_not(self):
        drawing = '<svg><!-- one -->\n<text x="10.25">D_4</text></svg>'
        self.assertIsNone(difference(drawing, drawing.replace("one", "two").replace("10.25", "10.26")))
        for old, new in (("D_4", "D_5"), ("D_", "G_"), ("10.25", "10.40"), ("text", "title")):
            self.assertIsNotNone(difference(drawing, drawing.replace(old, new)), (old, new))

    def test_pages_show_every_drawing(self):
        pages = "".join(page.read_text(encoding="utf-8") for page in files("*.md"))
        for drawing in files("*.svg"):
            self.assertTrue(f"({drawing.name})" in pages, f"no page shows {drawing.name}")
            self.assertTrue(drawing.with_suffix(".dot").exists(), f"{drawing.name} has no description")


if __name__ == "__main__":
    unittest.main()
