"""script/cuhk03_images: what it makes of CUHK03's file is what was in it, to the bit; `resolute` reads that; a file that is
damaged or something else is refused in one line; an interruption leaves no list."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "script/cuhk03_images"
GOLDEN = ROOT / "tests/golden/mat"
RESOLUTE = sys.argv.pop()
KINDS = ("labeled", "detected")


def run(*words, patch=""):
    """The script, with lines of Python that change something of it first."""
    command = [SCRIPT]
    if patch:
        command = ["-c", f"__name__ = 'script'\nexec(open('{SCRIPT}').read())\n{patch}\nsys.exit(main(sys.argv[1:]))"]
    return subprocess.run(["/usr/bin/python3", *map(str, command), *map(str, words)], capture_output=True, text=True,
                          timeout=120)


def resolute(*words):
    return subprocess.run([RESOLUTE, *map(str, words)], capture_output=True, text=True, timeout=300)


def image(height, width, seed):
    return numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), "uint8")


def name(pair, identity, slot):
    return f"{pair}_{identity:03}_{1 if slot <= 5 else 2}_{slot:02}.png"


def small():
    """By kind of boxes, pair and identity: images by slot, all from 1. Two of the images are large: MATLAB compresses them."""
    people = {1: [(1, 2, 6, 10), (7, 8), (4,)], 2: [(3, 6)], 3: [(1, 6), (2, 9)], 4: [()], 5: [(5, 10)]}
    boxes = {kind: {pair: [{slot: image(4 + slot, 2 + pair, [seed, pair, i, slot]) for slot in slots}
                           for i, slots in enumerate(all_slots)] for pair, all_slots in people.items()}
             for seed, kind in enumerate(KINDS)}
    boxes["labeled"][5][0][10] = image(70, 40, 1)
    boxes["detected"][1][1][8] = image(128, 48, 2)
    del boxes["detected"][2][0][3]
    return boxes


SETS = [[[1, 1], [5, 1], [1, 1]], [[2, 1], [1, 3], [3, 1]], [[1, 1]]]


class Mat:
    """A file as MATLAB 7.3 writes it: what cells hold is in '#refs#'."""

    def __init__(self, path):
        self.file = h5py.File(path, "w", libver="earliest", userblock_size=512)
        self.refs = self.file.create_group("#refs#")
        self.empty = self.cell(numpy.zeros(2, "uint64"))
        self.file[self.empty].attrs["MATLAB_empty"] = numpy.uint8(1)

    def cell(self, values, **how):
        return self.refs.create_dataset(f"n{len(self.refs)}", data=values, **how).ref

    def image(self, pixels):
        """Columns of planes: red, green, blue."""
        height, width, _ = pixels.shape
        planes = numpy.empty((3, width, height), "uint8")
        for (y, x, channel), value in numpy.ndenumerate(pixels):
            planes[channel, x, y] = value
        return self.cell(planes, **({"chunks": planes.shape, "compression": 3} if planes.size > 4096 else {}))

    def references(self, rows):
        table = numpy.empty((len(rows), len(rows[0])), h5py.ref_dtype)
        for place, _ in numpy.ndenumerate(table):
            table[place] = rows[place[0]][place[1]]
        return table

    def write(self, boxes, sets, turned=False):
        """Turned: the extents of tables the other way round, as another program than MATLAB may leave them."""
        turn = (lambda table: table.T) if turned else (lambda table: table)
        for kind, pairs in boxes.items():
            tables = []
            for people in pairs.values():
                rows = [[self.image(person[slot]) if slot in person else self.empty for person in people]
                        for slot in range(1, 11)]
                tables.append(self.cell(turn(self.references(rows)), dtype=h5py.ref_dtype))
            self.file.create_dataset(kind, data=turn(self.references([tables])), dtype=h5py.ref_dtype)
        cells = [self.cell(turn(numpy.array(tested, "float64").T)) for tested in sets]
        self.file.create_dataset("testsets", data=turn(self.references([cells])), dtype=h5py.ref_dtype)
        self.file.close()


class Cuhk03Images(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.mat = self.folder / "cuhk-03.mat"
        self.list = self.folder / "cuhk-03.json"
        Mat(self.mat).write(small(), SETS)

    def extract(self, *words):
        done = run(self.mat, *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def check_images(self, folder, boxes):
        for kind in KINDS:
            wanted = {name(pair, identity, slot): pixels for pair, people in boxes[kind].items()
                      for identity, person in enumerate(people, 1) for slot, pixels in person.items()}
            there = {path.name: path for path in (folder / f"images_{kind}").iterdir()}
            self.assertEqual(set(there), set(wanted))
            for which, pixels in wanted.items():
                with Image.open(there[which]) as picture:
                    self.assertEqual((picture.format, picture.mode), ("PNG", "RGB"))
                    numpy.testing.assert_array_equal(numpy.asarray(picture), pixels, which)

    def refusal(self, *words, mat=None, code=2, **how):
        done = run(mat or self.mat, *words, **how)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aresolute: [^\n]*\n\Z")
        self.assertFalse(self.list.exists())
        return done.stderr[len("resolute: "):-1].replace(str(self.folder), "DIR")

    def test_images_are_those_of_the_file_and_the_list_names_them(self):
        self.assertEqual(self.extract(), f"{self.folder}: 15 labelled and 14 detected images\n")
        self.check_images(self.folder, small())
        listing = json.loads(self.list.read_text())
        self.assertEqual({key: listing[key] for key in ("schema", "identities", "test_sets")},
                         {"schema": 1, "identities": [3, 1, 2, 1, 1], "test_sets": SETS})
        self.assertEqual(listing["detected"],
                         [name(*place) for place in ((1, 1, 1), (1, 1, 2), (1, 1, 6), (1, 1, 10), (1, 2, 7), (1, 2, 8),
                                                     (1, 3, 4), (2, 1, 6), (3, 1, 1), (3, 1, 6), (3, 2, 2), (3, 2, 9),
                                                     (5, 1, 5), (5, 1, 10))])
        self.assertEqual({path.name for path in self.folder.iterdir()},
                         {"cuhk-03.mat", "cuhk-03.json", "images_labeled", "images_detected"})

    def test_another_folder_and_tables_the_other_way_round(self):
        out = self.folder / "some/where"
        self.extract(out)
        self.check_images(out, small())
        Mat(self.mat).write(small(), SETS, turned=True)
        self.extract()
        self.check_images(self.folder, small())
        self.assertEqual(self.list.read_bytes(), (out / "cuhk-03.json").read_bytes())

    def test_every_way_of_writing_an_empty_cell_is_no_image(self):
        boxes = small()
        del boxes["labeled"][1][0][1]
        for put in (lambda refs: refs.create_dataset("other", (3, 0, 5), "uint8"),
                    lambda refs: refs.create_dataset("other", data=numpy.zeros(2, "uint64")),
                    lambda refs: refs.create_dataset("other", data=h5py.Empty("uint8"))):
            Mat(self.mat).write(small(), SETS)
            self.put_image(put)
            shutil.rmtree(self.folder / "images_labeled", ignore_errors=True)
            self.extract()
            self.check_images(self.folder, boxes)

    def test_resolute_makes_the_same_pack_of_its_stand_in_once_that_was_a_file(self):
        drawn, store = self.folder / "drawn", self.folder / "store"
        done = resolute("data", "synth", "--layout", "cuhk03", "--out", drawn, "--identities", "12", "--irregular", "yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        listing = json.loads((drawn / "cuhk-03.json").read_text())
        boxes = {kind: {pair: [{} for _ in range(count)] for pair, count in enumerate(listing["identities"], 1)}
                 for kind in KINDS}
        for kind in KINDS:
            for which in listing[kind]:
                pair, identity, _, slot = map(int, which[:-4].split("_"))
                with Image.open(drawn / f"images_{kind}" / which) as picture:
                    boxes[kind][pair][identity - 1][slot] = numpy.array(picture)
        Mat(self.mat).write(boxes, listing["test_sets"])
        self.extract()
        self.check_images(self.folder, boxes)
        self.assertEqual(self.list.read_bytes(), (drawn / "cuhk-03.json").read_bytes())
        for source in ("cuhk03", "cuhk03-detected"):
            packs = [resolute("data", "ingest", source, "--root", root, "--store", store / root.name, "--height", "64",
                              "--width", "32", "--partition", "published", "--lr-side", "pair").stdout
                     for root in (drawn, self.folder)]
            found = [re.findall("pack ([0-9a-f]{64})", text) for text in packs]
            self.assertEqual(len(found[0]), 1, packs)
            self.assertEqual(found[0], found[1])

    def put_image(self, put):
        """Of pair 1, identity 1, slot 1."""
        with h5py.File(self.mat, "r+") as file:
            table = file[file["labeled"][0, 0]]
            references = table[:]
            references[0, 0] = put(file["#refs#"]).ref
            table[:] = references

    def test_other_arrays_in_the_place_of_an_image(self):
        layout = h5py.VirtualLayout((3, 4, 5), "uint8")
        layout[:] = h5py.VirtualSource(str(self.folder / "other.h5"), "x", (3, 4, 5))
        (self.folder / "secret").write_bytes(b"s" * 60)
        where = "'DIR/cuhk-03.mat' cannot be read (image 1 of identity 1 of pair 1 of 'labeled' "
        for put, why in (
                (lambda refs: refs.create_dataset("other", data=numpy.ones((3, 4, 5))), "is float64 of (3, 4, 5), not uint8"),
                (lambda refs: refs.create_dataset("other", data=numpy.ones((4, 5), "uint8")), "is uint8 of (4, 5), not uint8"),
                (lambda refs: refs.create_dataset("other", data=numpy.ones((4, 5, 3), "uint8")), "is uint8 of (4, 5, 3), not"),
                (lambda refs: refs.create_dataset("other", (3, 8192, 8192), "uint8"),
                 "claims 201326592 bytes where the file holds 0 for it"),
                (lambda refs: refs.create_dataset("other", (3, 8192, 8192), "uint8", chunks=(3, 64, 64)),
                 "claims 201326592 bytes"),
                (lambda refs: refs, "is no array of this file"),
                (lambda refs: refs.create_virtual_dataset("other", layout), "is no array of this file"),
                (lambda refs: refs.create_dataset("other", (3, 4, 5), "uint8", external=[(str(self.folder / "secret"), 0, 60)]),
                 "is no array of this file")):
            with self.subTest(why=why):
                Mat(self.mat).write(small(), SETS)
                self.put_image(put)
                said = self.refusal()
                self.assertEqual(said[:len(where + why)], where + why)
                self.assertTrue(said.endswith("); fetch it again"), said)

    def test_variables_of_another_kind(self):
        def without(file, which):
            del file[which]

        def replaced(file, which, **how):
            del file[which]
            file.create_dataset(which, **how)

        def linked(file, to):
            del file["labeled"]
            file["labeled"] = to

        def cut(file, variable, rows):
            references = file[variable][:]
            replaced(file, variable, data=references[:, :rows], dtype=h5py.ref_dtype)

        def other_table(file):
            file["#refs#"].create_dataset("other", data=file[file["labeled"][0, 0]][:9], dtype=h5py.ref_dtype)
            references = file["labeled"][:]
            references[0, 1] = file["#refs#/other"].ref
            file["labeled"][:] = references

        def test_set(values):
            def change(file):
                file["#refs#"].create_dataset("other", data=values)
                references = file["testsets"][:]
                references[0, 0] = file["#refs#/other"].ref
                file["testsets"][:] = references
            return change

        shutil.copy(self.mat, self.folder / "other.mat")
        tables = "'labeled' has tables of "
        nobody = "cell 1 of 'testsets' names identity {} of pair {}, which is not there"
        for change, why in (
                (lambda file: without(file, "labeled"), "'labeled' is missing"),
                (lambda file: without(file, "testsets"), "'testsets' is missing"),
                (lambda file: linked(file, h5py.SoftLink("/detected")), "'labeled' is missing"),
                (lambda file: linked(file, h5py.ExternalLink("other.mat", "/detected")), "'labeled' is missing"),
                (lambda file: replaced(file, "labeled", data=numpy.ones((1, 5))), "h5py: "),
                (lambda file: replaced(file, "labeled", shape=(1, 5), dtype=h5py.ref_dtype), "'labeled' claims 40 bytes"),
                (lambda file: cut(file, "labeled", 4), tables + "[(3, 10), (1, 10), (2, 10), (1, 10)], not 5 of 10 cells"),
                (other_table, tables + "[(3, 10), (9, 3), "),
                (lambda file: replaced(file, "detected", data=file["detected"][:][:, ::-1], dtype=h5py.ref_dtype),
                 "the pairs have [3, 1, 2, 1, 1] labelled identities and [1, 1, 2, 1, 3] detected ones"),
                (test_set([[0.0], [1.0]]), nobody.format(1.0, 0.0)), (test_set([[6.0], [1.0]]), nobody.format(1.0, 6.0)),
                (test_set([[1.0], [4.0]]), nobody.format(4.0, 1.0)), (test_set([[1.0], [1.5]]), nobody.format(1.5, 1.0)),
                (test_set([[1.0], [numpy.nan]]), nobody.format("nan", 1.0)),
                (test_set([[numpy.inf], [1.0]]), nobody.format(1.0, "inf")),
                (test_set(numpy.ones((3, 1))), "cell 1 of 'testsets' is float64 of (3, 1), not float64 of (2, IDENTITIES)"),
                (test_set(numpy.ones(2)), "cell 1 of 'testsets' is float64 of (2,), not"),
                (test_set(numpy.ones((2, 1), "int64")), "cell 1 of 'testsets' is int64 of (2, 1), not")):
            with self.subTest(why=why):
                Mat(self.mat).write(small(), SETS)
                with h5py.File(self.mat, "r+") as file:
                    change(file)
                start = f"'DIR/cuhk-03.mat' cannot be read ({why}"
                self.assertEqual(self.refusal()[:len(start)], start)
                self.assertFalse((self.folder / "images_labeled").exists())

    def test_what_is_no_such_file_and_every_truncation(self):
        self.assertEqual(self.refusal(mat=self.folder / "none.mat"),
                         "file 'DIR/none.mat' does not exist; name CUHK03's cuhk-03.mat")
        self.assertIn("usage: script/cuhk03_images MAT [DIR]", self.refusal("one", "more"))
        self.assertIn("usage: script/cuhk03_images MAT [DIR]", self.refusal(mat="--fast"))
        whole = self.mat.read_bytes()
        for part in [b"<html>not found</html>", *(whole[:len(whole) * i // 12] for i in range(12))]:
            self.mat.write_bytes(part)
            self.assertRegex(self.refusal(), r"^'DIR/cuhk-03.mat' cannot be read \(h5py: .*\); fetch it again$")

    def test_a_file_that_the_library_falls_over(self):
        done = run(GOLDEN / "sound.mat", self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.list.unlink()
        for mat, patch, end in ((GOLDEN / "endless.mat", "LIMIT = 2", "SIGALRM"),
                                (self.mat, "array = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV")):
            self.assertRegex(self.refusal(self.folder, mat=mat, patch=patch),
                             rf"cannot be read \((HDF5 fell over it: {end}|h5py: .*)\); fetch it again")

    def test_an_interruption_leaves_no_list_and_the_next_run_makes_all_of_it(self):
        self.extract()
        killing = ("count, whole = [0], write\n"
                   "def write(path, content):\n"
                   "  count[0] += 1\n"
                   "  whole(path, content) if count[0] < 20 else os.kill(os.getpid(), signal.SIGKILL)")
        self.refusal(patch=killing)
        done = resolute("data", "ingest", "cuhk03", "--root", self.folder, "--store", self.folder / "store")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"run: script/cuhk03_images '{self.mat}'\n", done.stderr)
        self.extract()
        self.check_images(self.folder, small())

    def test_a_folder_that_cannot_be_written_is_said(self):
        (self.folder / "images_detected").write_bytes(b"")
        self.assertEqual(self.refusal(code=1), "cannot write 'DIR/images_detected' (File exists)")


if __name__ == "__main__":
    unittest.main()
