"""Calls that are wrong end in an InputError of one line, or another exception of this package: never in a crash, never in a number."""

import copy
import pickle
import threading
import unittest
from importlib.util import find_spec

import numpy
from package import PackTest, refused, resolute
from resolute import drop_in

QUERY = numpy.random.default_rng(0).standard_normal((6, 8)).astype(numpy.float32)
GALLERY = numpy.random.default_rng(1).standard_normal((20, 8)).astype(numpy.float32)
Q_IDS, G_IDS = numpy.arange(6) % 3, numpy.arange(20) % 3
Q_CAMS, G_CAMS = numpy.zeros(6, int), numpy.ones(20, int)


def changed(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


class Rank(unittest.TestCase):
    def refuses(self, *words, **changes):
        arguments = {"qf": QUERY, "gf": GALLERY, "q_ids": Q_IDS, "g_ids": G_IDS, "q_cams": Q_CAMS, "g_cams": G_CAMS, **changes}
        refused(self, lambda: resolute.rank(**arguments), *words)

    def test_shapes(self):
        self.refuses("'qf' is 8", "2 dimensions", qf=QUERY[0])
        self.refuses("'gf' is 1×20×8", gf=GALLERY[None])
        self.refuses("'qf' has 8 dimensions", gf=GALLERY[:, :5])
        self.refuses("'q_ids' has 5", q_ids=Q_IDS[:5])
        self.refuses("'g_cams' has 0", g_cams=[])
        self.refuses("'g_ids' is 20×1", g_ids=G_IDS[:, None])
        self.refuses("'qf' is no array", qf=[[1.0, 2.0], [3.0]])
        self.refuses("there is no query", qf=QUERY[:0], q_ids=[], q_cams=[])
        self.refuses("'qf' is a single value", qf=None, q_ids=[])

    def test_types(self):
        self.refuses("'qf' holds int64", qf=QUERY.astype(int))
        self.refuses("'gf' holds complex64", gf=GALLERY.astype(numpy.complex64))
        self.refuses("'gf' holds float128", gf=GALLERY.astype(numpy.longdouble))
        self.refuses("'q_ids' holds <U2", "number them", q_ids=[f"p{i}" for i in Q_IDS])
        self.refuses("'q_ids' holds bool", q_ids=Q_IDS > 0)
        self.refuses("no whole numbers", q_ids=Q_IDS + 0.5)
        self.refuses("no whole numbers", q_ids=changed(Q_IDS.astype(float), 2, numpy.nan))
        for kind, limit in (("f2", 2**11), ("f4", 2**24), ("f8", 2**53)):  # from there two integers are one float
            self.refuses("'g_cams' holds floats", f"not below 2^{limit.bit_length() - 1}", g_cams=changed(G_CAMS.astype(kind), 3, limit))
        self.refuses("beyond int64", g_ids=G_IDS.astype(numpy.uint64) + numpy.uint64(2**63))

    def test_masked_elements_are_no_numbers(self):
        self.refuses("'qf' has masked elements", qf=numpy.ma.masked_greater(QUERY, 1))
        self.refuses("'g_ids' has masked elements", g_ids=numpy.ma.masked_equal(G_IDS, 2))
        self.refuses("'q_cams' has masked elements", q_cams=numpy.ma.masked_array(Q_CAMS, mask=[True] + [False] * 5))
        refused(self, lambda: resolute.rank_distances(numpy.ma.masked_less(numpy.ones((6, 20)), 2), Q_IDS, G_IDS), "masked")
        nothing_masked = resolute.rank(numpy.ma.masked_array(QUERY), GALLERY, Q_IDS, G_IDS)
        self.assertEqual(resolute.rank(QUERY, GALLERY, Q_IDS, G_IDS).mAP, nothing_masked.mAP)

    @unittest.skipUnless(find_spec("torch"), "PyTorch is not installed")
    def test_tensors_without_numbers(self):
        import torch

        tensor = torch.from_numpy(QUERY)
        self.refuses("not below 2^8", q_ids=torch.tensor([257.0] * 6).bfloat16())
        for odd in (tensor.to_sparse(), tensor.to("meta"), torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)):
            self.refuses("'qf' is no array", qf=odd)

    def test_values(self):
        for bad in (numpy.nan, numpy.inf, -numpy.inf):
            self.refuses("query feature 3", qf=changed(QUERY, (3, 2), bad))
            self.refuses("gallery feature", gf=changed(GALLERY, (19, 7), bad))
        for bad, rounded in ((1e-50, "0.0"), (-1e-46, "-0.0"), (1e39, "inf"), (-1e300, "-inf")):
            words = f"has {bad} in row 3, column 2 (as float32 it is {rounded})"
            self.refuses(f"'qf' {words}", qf=changed(QUERY.astype(float), (3, 2), bad))
            self.refuses(f"'gf' {words}", gf=changed(GALLERY.astype(float), (3, 2), bad).tolist())
        for taken in (0, 1e-45, 3.4e38):
            resolute.rank(changed(QUERY.astype(float), (3, 2), taken), GALLERY, Q_IDS, G_IDS)
        self.refuses("length 0", qf=changed(QUERY, 1, 0), distance="cosine")

    def test_settings(self):
        for name in ("max_rank", "threads"):
            for bad in (0, -1, 2.5, "5", True, 10**9):
                self.refuses(f"'{name}' is {bad!r}", **{name: bad})
        self.refuses("'distance' is 'manhattan'", distance="manhattan")
        for bad in ((1, 2), "yes", 5):
            self.refuses("'rerank' is", rerank=bad)
        self.refuses("k1", rerank=(0, 1, 0.3))
        self.refuses("k2", rerank=(5, 6, 0.3))
        self.refuses("lambda", rerank=(5, 3, 1.5))
        self.refuses("two integers", rerank=(5, 3, numpy.nan))
        self.refuses("one side alone", g_cams=None)
        self.refuses("whole length", prefix=[4] * 6, rerank=True)
        self.refuses("prefix", prefix=[4] * 5 + [9])
        self.refuses("'prefix' has 2", prefix=[4, 4])

    def test_protocols(self):
        several = numpy.ones((9, 9), int)
        for bad in ("single", "", "Single-shot", 3, True, b"single-shot", ["single-shot"], several):
            self.refuses("'protocol' is", "multi-shot", protocol=bad)
        for bad in (0, -1, 1.5, "5", True, several, [5], object(), 2**60):
            self.refuses("'draws' is", protocol="single-shot", draws=bad)
            self.refuses("'shots' is", protocol="multi-shot", shots=bad)
        for bad in (-1, 1.5, None, "0", several, 2**60):
            self.refuses("'seed' is", protocol="single-shot", seed=bad)
        self.refuses("'draws'", "10001", protocol="multi-shot", draws=10_001)
        self.refuses("draws", protocol="single-shot", draws=2**40)
        for bad in (1, 1001):
            self.refuses("'shots'", f"value {bad}", protocol="multi-shot", shots=bad)
        for protocol in (None, "whole-gallery"):
            self.refuses("'draws' is given", "single-shot", protocol=protocol, draws=5)
        self.refuses("'shots' is given", "multi-shot", protocol="single-shot", shots=5)
        refused(self, lambda: resolute.rank_distances(numpy.zeros((6, 20)), Q_IDS, G_IDS, protocol="none"), "'protocol' is 'none'")

    def test_galleries_without_matches(self):
        def drawn(seed, g_cams):
            return resolute.rank(QUERY[:1], GALLERY[:2], [5], [5, 5], [0], g_cams, protocol="single-shot", draws=1, seed=seed)

        seen = [drawn(seed, [0, 1]) for seed in range(20)]
        self.assertEqual({0, 1}, {int(scores.galleries[0]) for scores in seen})
        for scores in seen:
            self.assertEqual((1.0, 1), (scores.mAP, scores.queries))
            if scores.galleries[0] == 0:
                self.assertTrue(numpy.isnan([*scores.cmc, scores.map_single, *scores.chance_cmc]).all())
                refused(self, lambda scores=scores: scores.interval("rank-1"), "no drawn gallery")
                refused(self, lambda scores=scores: resolute.compare(scores, scores), "trial 0", "no drawn gallery")
            else:
                self.assertEqual((1.0, 1.0, ""), (scores.rank(1), scores.map_single, scores.why))
        self.assertIn("own camera", drawn(0, [0, 0]).why)
        for nobody in (0, -1):
            for rerank in (None, True):
                scores = resolute.rank(QUERY, GALLERY, Q_IDS + 1, numpy.full(20, nobody), protocol="multi-shot", rerank=rerank)
                self.assertTrue(numpy.isnan([scores.mAP, *scores.cmc]).all())
                self.assertIn("no image of a query's identity", scores.why)

    def test_distances(self):
        matrix = numpy.zeros((6, 20))
        refused(self, lambda: resolute.rank_distances(matrix[:, :19], Q_IDS, G_IDS), "'g_ids' has 20")
        refused(self, lambda: resolute.rank_distances(changed(matrix, (0, 0), numpy.nan), Q_IDS, G_IDS), "nan")
        refused(self, lambda: resolute.rank_distances(matrix.astype(int), Q_IDS, G_IDS), "'distances' holds int64")
        refused(self, lambda: drop_in.torchreid_evaluate_rank(matrix, Q_IDS, G_IDS, Q_CAMS, G_CAMS, use_metric_cuhk03=True), "unseeded")
        for bad in (0, -3, True, 99.5, None):
            refused(self, lambda bad=bad: drop_in.torchreid_evaluate_rank(matrix, Q_IDS, G_IDS, Q_CAMS, G_CAMS, bad), "'max_rank' is")

    def test_scores_are_asked_for_what_they_have(self):
        scores = resolute.rank(QUERY, GALLERY, Q_IDS, G_IDS)
        for bad in ("map", "rank-0", "rank0", "rank", "rank-", "rank--1", "rank-x", ""):
            refused(self, lambda bad=bad: scores.per_query(bad), "there is no metric")
        for bad in (0, 51, -1, 1.0, True, "1", None):
            refused(self, lambda bad=bad: scores.rank(bad), "not in the curve")
        refused(self, lambda: resolute.compare(scores, scores, []), "no metric")
        refused(self, lambda: resolute.compare([], []), "0 and 0 trials")
        drawn = resolute.rank(QUERY, GALLERY, Q_IDS, G_IDS, protocol="single-shot", draws=2)
        for metric in ("rank-2", "rank-21", "rank-999"):
            refused(self, lambda metric=metric: drawn.per_query(metric), f"no {metric} in drawn galleries", "rank-20")
        refused(self, lambda: resolute.compare(scores, drawn), "trial 0", "single-shot")

    def test_many_threads_rank_at_once(self):
        expected, found = resolute.rank(QUERY, GALLERY, Q_IDS, G_IDS).mAP, []
        threads = [threading.Thread(target=lambda: found.append(resolute.rank(QUERY, GALLERY, Q_IDS, G_IDS).mAP)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([expected] * 8, found)


class Packs(PackTest):
    def test_packs(self):
        refused(self, lambda: resolute.Pack(self.folder / "nothing"), "there is no pack")
        refused(self, lambda: resolute.Pack(self.folder), "pack")
        refused(self, lambda: resolute.Pack("x" * 5000), "too long")
        for bad in (None, 3, f"{self.pack.folder}\0x"):
            refused(self, lambda bad=bad: resolute.Pack(bad), "is no path")
        for bad in (-1, 96, 2**60, 1.0, "1", None, True):
            refused(self, lambda bad=bad: self.pack.image(bad), "row")
        for bad in (0, -2, 7, 2**40, 1.5):
            refused(self, lambda bad=bad: self.pack.image(0, bad), "rate")
        refused(self, lambda: self.pack.image(0, 2, copies_from="disk"), "'copies_from' is 'disk'")

    def test_a_damaged_pack(self):
        damaged = self.folder / "damaged"
        damaged.mkdir()
        for file in self.pack.folder.iterdir():
            data = bytearray(file.read_bytes())
            if file.suffix == ".h5":
                data[len(data) // 4:] = bytes(255 - byte for byte in data[len(data) // 4:])
            (damaged / file.name).write_bytes(data)
        with self.assertRaises(resolute.Error):
            pack = resolute.Pack(damaged)
            for batch in pack.loader(pack.split(partition="official"), identities=6, images=8, steps=3, arrays="numpy"):
                pass
            for row in range(len(pack)):
                pack.image(row)

    def test_splits(self):
        refused(self, lambda: self.pack.split(partition="thirds"), "'thirds'", "random-halves")
        refused(self, lambda: self.pack.split(seeds=3), "unknown key 'seeds'")
        refused(self, lambda: self.pack.split(seed=-1), "seed")
        refused(self, lambda: self.pack.split(lr_camera=9), "camera")
        refused(self, lambda: self.pack.split(query_rates=[7]), "7")
        refused(self, lambda: self.pack.split(seed=object()), "JSON")
        refused(self, lambda: self.pack.split(self.folder / "none.json"), "none.json")
        refused(self, lambda: self.pack.split(self.folder / "none.json", seed=2), "a path and settings")

    def test_loaders(self):
        def refuses(*words, **options):
            refused(self, lambda: self.pack.loader(self.split, **options), *words)

        refuses("train.identities", identities=0)
        refuses("integer in range", images=2**40)
        refuses("no identity comes twice", identities=400)
        refuses("train.train_rates", rates=[5])
        refuses("train.train_rates", rates=[])
        refuses("train.flip", flip=-0.1)
        refuses("train.erasing", erasing=2)
        refuses("train.jitter", jitter=1.5)
        refuses("train.jitter_hue", jitter_hue=0.6)
        refuses("rand-augment-colour", policy="autoaugment")
        refuses("JSON", flip=float("nan"))
        refuses("train.pad", pad=1000)
        refuses("train.lr_images", lr_images=4)
        refuses("copies_from", copies_from="disk")
        for bad in (3, "rate", {"rate": 3}, {"rate": None}):
            refuses("'copies' is", copies=bad)
        refuses("train.copies.rate", "copies_from", copies={"rate": (2, 4)})
        refuses("train.copies.jpeg", "1 to 100", copies={"jpeg": (0, 90)})
        refuses("train.copies.blur", "the lowest value", copies={"blur": (2, 1)})
        refuses("unknown key 'sharp'", copies={"sharp": (1, 2)})
        refuses("an integer is needed", copies={"jpeg": (30.5, 90)})
        refuses("JSON", copies={"noise": (0, float("inf"))})
        refuses("'rank'", rank=1)
        refuses("'ranks'", identities=2, ranks=3)
        refuses("'threads'", threads=10**6)
        refuses("'seed' is -1", seed=-1)
        refuses("'steps' is 1.5", steps=1.5)
        refuses("'first_step' is -3", first_step=-3)
        refuses("'arrays' is 'jax'", arrays="jax")
        refuses("'device' is given with arrays of NumPy", arrays="numpy", device="cuda")
        refuses("'device' is given with arrays of NumPy", arrays="numpy", device=0, pin_memory=True)
        if find_spec("torch") is None:
            refuses("'arrays' is 'torch' (PyTorch is not installed)", arrays="torch")
        refuses("'pin_memory' is given with arrays of NumPy", arrays="numpy", pin_memory=1)
        with self.assertRaises(TypeError):
            self.pack.loader(self.split, learning_rate=0.1)

    def test_what_is_closed_says_so(self):
        pack = resolute.Pack(self.pack.folder)
        split = pack.split(partition="official")
        loader = pack.loader(split, identities=2, images=2, arrays="numpy")
        batch = next(loader)
        for one in (loader, split, pack, loader, pack):
            one.close()
        refused(self, lambda: next(loader), "the loader is closed")
        refused(self, lambda: pack.image(0), "the pack is closed")
        refused(self, lambda: self.pack.loader(split), "the split is closed")
        self.assertTrue(numpy.isfinite(batch.hr).all())

    def test_a_second_loop_over_a_loader_that_has_ended_is_refused(self):
        def loader(steps, **options):
            return self.pack.loader(self.split, identities=2, images=2, arrays="numpy", steps=steps, **options)

        for first, steps in ((0, 3), (5, 1), (2, 0)):
            ended = loader(steps, first_step=first)
            self.assertEqual(list(range(first, first + steps)), [batch.step for batch in ended])
            for again in (lambda ended=ended: list(ended), lambda ended=ended: iter(ended), lambda ended=ended: list(zip(ended, "ab"))):
                refused(self, again, "has given its last batch", f"first_step={first + steps}")
            self.assertIsNone(next(ended, None))
            late = []
            thread = threading.Thread(target=lambda ended=ended, late=late: late.append(list(ended)))  # one that shares the steps
            thread.start()
            thread.join()
            self.assertEqual([[]], late)
        parts = loader(4)
        self.assertEqual([0, 1, 2, 3], [batch.step for _ in range(2) for _, batch in zip("ab", parts)])

    def test_what_is_open_is_not_pickled(self):
        loader = self.pack.loader(self.split, identities=2, images=2, arrays="numpy")
        for one, name in ((self.pack, "pack"), (self.split, "split"), (loader, "loader"), ([{"a": self.pack}], "pack")):
            for call in (pickle.dumps, copy.deepcopy):
                with self.assertRaisesRegex(TypeError, rf"^a {name} cannot be pickled \(it is open in this process alone\); open it"):
                    call(one)

    def test_nothing_is_loaded_for_a_batch_of_no_images(self):
        batch = next(self.pack.loader(self.split, identities=2, images=2, hr=False, lr=False, arrays="numpy"))
        self.assertEqual((None, None, 4), (batch.hr, batch.lr, len(batch)))

    def test_ingest_passes_the_programs_words_on(self):
        refused(self, lambda: resolute.ingest("market1501", self.folder / "none", self.folder / "store"), "none", "does not exist")
        refused(self, lambda: resolute.ingest("imagenet", self.folder, self.folder / "store"), "imagenet")
        refused(self, lambda: resolute.ingest("market1501", self.folder / "raw", self.folder / "store", hight=3), "unknown option '--hight'")


if __name__ == "__main__":
    unittest.main()
