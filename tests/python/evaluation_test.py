"""Scores from Python are those of an evaluator in plain NumPy, of torchreid's own, and to the bit those of `resolute rank`."""

import csv
import json
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import h5py
import numpy
from package import BUILD, CACHE, SOURCE, program, refused, resolute, torch_python
from resolute import drop_in

sys.path.insert(0, str(SOURCE / "tests/golden"))
from random_stream import RandomStream


def features(seed, queries=40, images=300, people=15, cameras=3, dimension=24):
    draw = numpy.random.default_rng(seed)
    means = draw.standard_normal((people + 1, dimension))
    q_ids, g_ids = draw.integers(1, people + 1, queries), draw.integers(0, people + 1, images)
    noisy = lambda ids: (means[ids] + 1.5 * draw.standard_normal((len(ids), dimension))).astype(numpy.float32)
    return noisy(q_ids), noisy(g_ids), q_ids, g_ids, draw.integers(1, cameras + 1, queries), draw.integers(1, cameras + 1, images)


def distances(query, gallery):
    return ((query[:, None].astype(float) - gallery[None].astype(float)) ** 2).sum(-1)


def matches(matrix, q_ids, g_ids, q_cams, g_cams):
    """Of each query where its matches stand, from 0, the nearest first, and among how many images; of distances without ties."""
    for row, identity, camera in zip(matrix, q_ids, q_cams):
        order = numpy.argsort(row)
        kept = order[~((g_ids[order] == identity) & (g_cams[order] == camera))]
        yield numpy.flatnonzero(g_ids[kept] == identity), len(kept)


def plain(matrix, q_ids, g_ids, q_cams, g_cams, max_rank):
    """CMC, average precisions and inverse negative penalties, query by query."""
    found = [hits for hits, _ in matches(matrix, q_ids, g_ids, q_cams, g_cams) if len(hits) > 0]
    curves = [numpy.arange(max_rank) >= hits[0] for hits in found]
    precisions = [numpy.mean(numpy.arange(1, len(hits) + 1) / (hits + 1)) for hits in found]
    return numpy.mean(curves, axis=0), precisions, [len(hits) / (hits[-1] + 1) for hits in found]


def drawn(q_ids, g_ids, seed, draw, shots):
    """The images of one gallery, as docs/inside/formats/manifest.md has it."""
    chosen = []
    for identity in sorted({*g_ids.tolist()} - ({-1} if 0 in q_ids else {-1, 0})):
        stream, images = RandomStream("gallery-draw", [seed, draw, identity]), numpy.flatnonzero(g_ids == identity)
        for i in range(min(shots, len(images))):
            other = i + stream.below(len(images) - i)
            images[[i, other]] = images[[other, i]]
            chosen.append(images[i])
    return chosen


class Evaluation(unittest.TestCase):
    def test_scores_are_those_of_a_plain_evaluator(self):
        for seed in range(20):
            query, gallery, *labels = features(seed)
            cmc, precisions, penalties = plain(distances(query, gallery), *labels, 50)
            for scores in (resolute.rank(query, gallery, *labels),
                           resolute.rank(query.astype(float), gallery.astype(float), *(label.astype(numpy.int32) for label in labels)),
                           resolute.rank_distances(distances(query, gallery), *labels)):
                numpy.testing.assert_allclose(scores.cmc, cmc, atol=1e-12)
                self.assertAlmostEqual(numpy.mean(precisions), scores.mAP, delta=1e-12)
                self.assertAlmostEqual(numpy.mean(penalties), scores.mINP, delta=1e-12)
                self.assertEqual(len(precisions), scores.queries)

    def test_drawn_galleries_score_as_each_does_by_itself(self):
        for seed in range(6):
            for shift in (0, 1):  # 0 are distractors; people are numbered from 0, and distractors are junk
                query, gallery, q_ids, g_ids, *cameras = features(seed)
                q_ids, g_ids = q_ids - shift, g_ids - shift
                whole = resolute.rank(query, gallery, q_ids, g_ids, *cameras)
                for shots, given in ((1, {"protocol": "single-shot"}), (5, {"protocol": "multi-shot"}),
                                     (2, {"protocol": "multi-shot", "shots": numpy.int32(2)})):
                    found = [list(matches(distances(query, gallery[chosen]), q_ids, g_ids[chosen], cameras[0], cameras[1][chosen]))
                             for chosen in (drawn(q_ids, g_ids, seed, draw, shots) for draw in range(7))]
                    firsts = numpy.array([[hits[0] + 1 if len(hits) > 0 else 0 for hits, _ in queries] for queries in found])
                    matched = firsts > 0
                    chance = [len(hits) / images for queries in found for hits, images in queries if len(hits) > 0]
                    for scores in (resolute.rank(query, gallery, q_ids, g_ids, *cameras, **given, draws=7, seed=seed),
                                   resolute.rank_distances(distances(query, gallery), q_ids, g_ids, *cameras, **given, draws=7, seed=seed)):
                        self.assertEqual([(firsts[matched] <= k).mean() for k in range(1, 51)], list(scores.cmc))
                        self.assertAlmostEqual((1 / firsts[matched]).mean(), scores.map_single, delta=1e-12)
                        self.assertAlmostEqual(numpy.mean(chance), scores.chance_cmc[0], delta=1e-12)
                        self.assertEqual(list(matched.sum(0)), list(scores.galleries))
                        for column, k in enumerate((1, 5, 10, 20)):
                            share = (matched & (firsts <= k)).sum(0) / numpy.maximum(1, matched.sum(0))
                            self.assertEqual(list(share), list(scores.shares[:, column]))
                            self.assertEqual(list(share), list(scores.per_query(f"rank-{k}")))
                        self.assertEqual((whole.mAP, whole.mINP, whole.chance_mAP), (scores.mAP, scores.mINP, scores.chance_mAP))
                        self.assertEqual(list(whole.ranks), list(scores.ranks))
                        self.assertAlmostEqual(scores.shares[scores.ranks > 0, 0].mean(), scores.interval("rank-1").mean, delta=1e-12)
                        self.assertEqual(scores.interval("rank-1"), scores.interval("rank1"))

    def test_the_whole_gallery_is_the_usual_test(self):
        query, gallery, *labels = features(2)
        usual, whole = resolute.rank(query, gallery, *labels), resolute.rank(query, gallery, *labels, protocol="whole-gallery", seed=3)
        self.assertEqual((list(usual.cmc), usual.map_single, repr(usual)), (list(whole.cmc), whole.map_single, repr(whole)))
        self.assertEqual(list(usual.ranks > 0), list(usual.galleries == 1))
        self.assertEqual(list(usual.per_query("rank-5")), list(usual.shares[:, 1]))

    def test_galleries_are_re_ranked_each_by_itself(self):
        query, gallery, q_ids, g_ids, *cameras = features(8)
        for given in ({"rerank": True}, {"rerank": (4, 2, 0.5)}, {"distance": "cosine"}, {"distance": "cosine", "rerank": True}):
            firsts = numpy.array([resolute.rank(query, gallery[chosen], q_ids, g_ids[chosen], cameras[0], cameras[1][chosen], **given).ranks
                                  for chosen in (drawn(q_ids, g_ids, 4, draw, 3) for draw in range(5))])
            scores = resolute.rank(query, gallery, q_ids, g_ids, *cameras, **given, protocol="multi-shot", draws=5, shots=3, seed=4)
            self.assertEqual([(firsts[firsts > 0] <= k).mean() for k in range(1, 51)], list(scores.cmc))
            self.assertEqual(resolute.rank(query, gallery, q_ids, g_ids, *cameras, **given).mAP, scores.mAP)

    def test_drop_ins_give_what_torchreid_and_fast_reid_do(self):
        for seed in range(20):
            query, gallery, *labels = features(seed)
            matrix = distances(query, gallery)
            cmc, precisions, penalties = plain(matrix, *labels, 50)
            found = drop_in.torchreid_evaluate_rank(matrix, *labels)
            numpy.testing.assert_allclose(found[0], cmc, atol=1e-12)
            self.assertAlmostEqual(found[1], numpy.mean(precisions), delta=1e-12)
            found = drop_in.fastreid_evaluate_rank(matrix, *labels)
            for mine, reference in zip(found, (cmc, precisions, penalties)):
                numpy.testing.assert_allclose(mine, reference, atol=1e-12)

    def test_a_person_of_number_minus_one_is_a_person_to_the_drop_ins(self):
        query, gallery, q_ids, g_ids, q_cams, g_cams = features(1)
        shifted = [ids - 3 for ids in (q_ids, g_ids)]
        before = drop_in.torchreid_evaluate_rank(distances(query, gallery), q_ids, g_ids, q_cams, g_cams)
        now = drop_in.torchreid_evaluate_rank(distances(query, gallery), *shifted, q_cams, g_cams)
        self.assertEqual(before[1], now[1])

    def test_torchreids_own_evaluator_agrees(self):
        evaluator = next((CACHE / "torchreid-python").glob("**/metrics/rank.py"), None)
        if torch_python() is None or evaluator is None:
            self.skipTest("torchreid is not there")
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(20):
                query, gallery, *labels = features(seed)
                numpy.savez(f"{folder}/{seed}.npz", *labels, matrix=distances(query, gallery).astype(numpy.float32))
            asked = f"""
import importlib.util, json, numpy, warnings
warnings.simplefilter("ignore")
spec = importlib.util.spec_from_file_location("rank", {str(evaluator)!r})
rank = importlib.util.module_from_spec(spec); spec.loader.exec_module(rank)
for seed in range(20):
    file = numpy.load(f"{folder}/{{seed}}.npz")
    cmc, mean = rank.evaluate_rank(file["matrix"], *(file[f"arr_{{i}}"] for i in range(4)), max_rank=50, use_cython=False)
    print(json.dumps([[float(c) for c in cmc], float(mean)]))
"""
            lines = subprocess.run([torch_python(), "-c", asked], check=True, capture_output=True, text=True).stdout.splitlines()
        lines = [line for line in lines if line.startswith("[")]
        self.assertEqual(20, len(lines))
        for seed, line in enumerate(lines):
            query, gallery, *labels = features(seed)
            cmc, mean = drop_in.torchreid_evaluate_rank(distances(query, gallery).astype(numpy.float32), *labels)
            reference = json.loads(line)
            numpy.testing.assert_allclose(cmc, reference[0], atol=1e-6)  # its curve is of float32
            self.assertAlmostEqual(mean, reference[1], delta=1e-12)

    def test_the_program_gives_the_same_bits(self):
        query, gallery, *labels = features(7)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "features.h5"
            with h5py.File(path, "w") as file:
                for side, values, ids, cameras in (("query", query, *labels[::2]), ("gallery", gallery, *labels[1::2])):
                    file[f"{side}/features"], file[f"{side}/identities"], file[f"{side}/cameras"] = values, ids, cameras
            for options, keywords in (([], {}), (["--cosine"], {"distance": "cosine"}), (["--re-rank"], {"rerank": True}),
                                      (["--re-rank=10,3,0.5"], {"rerank": (10, 3, 0.5)}),
                                      (["--protocol=single-shot"], {"protocol": "single-shot"}),
                                      (["--protocol=single-shot", "--draws=7", "--seed=3", "--cosine"],
                                       {"protocol": "single-shot", "draws": 7, "seed": 3, "distance": "cosine"}),
                                      (["--protocol=multi-shot", "--shots=2", "--draws=4", "--re-rank"],
                                       {"protocol": "multi-shot", "shots": 2, "draws": 4, "rerank": True})):
                table = Path(folder) / "queries.csv"
                said = json.loads(program("rank", path, "--json", "--csv", table, *options))
                scores = resolute.rank(query, gallery, *labels, **keywords, threads=1)
                self.assertEqual(said["cmc"], list(scores.cmc))
                self.assertEqual([said["map"], said["minp"], said["chance_map"]], [scores.mAP, scores.mINP, scores.chance_mAP])
                if "protocol" not in keywords:
                    continue
                self.assertEqual([said["map_single"], said["chance_cmc"]], [scores.map_single, list(scores.chance_cmc)])
                lines = list(csv.DictReader(table.read_text().splitlines()))
                self.assertEqual([int(line["galleries"]) for line in lines], scores.galleries.tolist())
                self.assertEqual([[float(line[f"rank-{k}"] or 0) for k in (1, 5, 10, 20)] for line in lines], scores.shares.tolist())

    def test_a_difference_is_the_programs(self):
        query, gallery, *labels = features(3)
        other = query + numpy.random.default_rng(5).standard_normal(query.shape).astype(numpy.float32)
        drawn = {"protocol": "single-shot", "draws": 5, "seed": 2}
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, values in (("first", query), ("other", other)):
                paths.append(Path(folder) / f"{name}.npz")
                numpy.savez(paths[-1], qf=values, gf=gallery, q_pids=labels[0], g_pids=labels[1], q_camids=labels[2], g_camids=labels[3])
            for keywords in ({}, drawn):
                options = [f"--{name}={value}" for name, value in keywords.items()]
                said = json.loads(program("rank", *paths, "--json", *options))["files"][1]["difference"]
                found = resolute.compare(*(resolute.rank(values, gallery, *labels, **keywords) for values in (query, other)))
                for name, key in (("rank-1", "rank1"), ("mAP", "map")):
                    self.assertEqual([said[key][part] for part in ("mean", "low", "high")], list(found[name][:3]))

    def test_tensors_and_views_are_read_as_they_stand(self):
        query, gallery, *labels = features(4)
        expected = resolute.rank(query, gallery, *labels).mAP
        turned = numpy.asfortranarray(query), gallery.copy()[:, ::-1][:, ::-1]
        self.assertEqual(expected, resolute.rank(*turned, *labels).mAP)
        if torch_python() is None:
            self.skipTest("torch is not there")
        with tempfile.TemporaryDirectory() as folder:
            numpy.savez(f"{folder}/features.npz", query, gallery, *labels)
            asked = f"""
import sys; sys.path.insert(0, {str(BUILD / "python")!r})
import numpy, resolute, torch
file = numpy.load("{folder}/features.npz")
arrays = [torch.from_numpy(file[f"arr_{{i}}"]) for i in range(6)]
arrays[0].requires_grad_()
print(repr(resolute.rank(*arrays).mAP), repr(resolute.rank(arrays[0].bfloat16(), arrays[1].bfloat16(), *arrays[2:]).mAP))
"""
            said = subprocess.run([torch_python(), "-c", asked], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(expected, float(said[0]))
        self.assertAlmostEqual(expected, float(said[1]), delta=0.02)

    def test_several_trials_are_compared_as_trials(self):
        trials = [features(seed) for seed in (11, 12)]
        first = [resolute.rank(*trial) for trial in trials]
        found = resolute.compare(first, first, ["mAP", "rank-5", "mINP"])
        self.assertTrue(all(interval[:3] == (0, 0, 0) for interval in found.values()))
        refused(self, lambda: resolute.compare(first, first[:1]), "2 and 1 trials")
        refused(self, lambda: resolute.compare(first, first[::-1]), "trial 0", "other queries", "identities")

    def test_numbers_of_numpy_are_settings(self):
        given = features(4)
        expected = resolute.rank(*given, rerank=(5, 3, 0.25), max_rank=7, threads=1)
        for rerank in ((numpy.int64(5), numpy.int32(3), numpy.float32(0.25)), [numpy.uint8(5), 3, numpy.float64(0.25)]):
            found = resolute.rank(*given, rerank=rerank, max_rank=numpy.int16(7), threads=numpy.int64(1))
            self.assertEqual((expected.mAP, list(expected.cmc)), (found.mAP, list(found.cmc)))
            self.assertEqual(found.rank(3), found.rank(numpy.uint8(3)))
        self.assertEqual(resolute.rank(*given, rerank=True).mAP, resolute.rank(*given, rerank=numpy.True_).mAP)
        for bad in ((numpy.True_, 1, 0.3), (5, numpy.float64(3), 0.3), (5, numpy.array([3]), 0.3), (5, 3, numpy.longdouble(0.3))):
            refused(self, lambda bad=bad: resolute.rank(*given, rerank=bad))
        for bad in (numpy.True_, numpy.float64(2), numpy.array([2])):
            refused(self, lambda bad=bad: expected.rank(bad), "not in the curve")
            refused(self, lambda bad=bad: resolute.rank(*given, max_rank=bad), "'max_rank' is")

    def test_queries_of_other_cameras_are_other_queries(self):
        query, gallery, q_ids, g_ids, q_cams, g_cams = features(11)
        given = (query, gallery, q_ids, g_ids)
        matrix = distances(query, gallery)
        scores = resolute.rank(*given, q_cams, g_cams)
        for other in (resolute.rank(*given), resolute.rank(*given, q_cams + 1, g_cams), resolute.rank(*given, q_cams[::-1].copy(), g_cams),
                      resolute.rank_distances(matrix, q_ids, g_ids), resolute.rank_distances(matrix, q_ids, g_ids, q_cams + 1, g_cams)):
            for pair in ((scores, other), (other, scores)):
                refused(self, lambda pair=pair: resolute.compare(*pair), "trial 0", "other queries", "their cameras differ")
        for one in (scores, resolute.rank(*given)):
            self.assertEqual(0, resolute.compare(one, one)["mAP"].mean)
        same = resolute.rank_distances(matrix, q_ids, g_ids, [float(camera) for camera in q_cams], g_cams)
        self.assertAlmostEqual(0, resolute.compare(scores, same)["mAP"].mean, delta=1e-3)

    def test_a_gallery_without_matches_says_so(self):
        query, gallery, q_ids, g_ids, *cameras = features(5)
        scores = resolute.rank(query, gallery, q_ids + 100, g_ids, *cameras)
        self.assertTrue(numpy.isnan(scores.mAP) and numpy.isnan(scores.cmc).all())
        self.assertIn("no image of a query's identity", scores.why)
        refused(self, scores.interval, "no interval", scores.why)
        refused(self, lambda: drop_in.torchreid_evaluate_rank(distances(query, gallery), q_ids + 100, g_ids, *cameras), "no score")

    def test_a_data_frame_without_pandas_is_told_in_one_line(self):
        scores = resolute.rank(*features(5))
        with unittest.mock.patch.dict(sys.modules, {"pandas": None}), self.assertRaises(resolute.MachineError) as caught:
            scores.to_pandas()
        self.assertRegex(str(caught.exception), r"^a Python package is missing in \S+ \(.*pandas.*\); install it, or name another Python")


if __name__ == "__main__":
    unittest.main()
