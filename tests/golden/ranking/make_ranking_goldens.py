#!/usr/bin/env python3
"""Makes ranking.json: 200 seeded cases and what a brute-force ranking says of them.

Written apart from the C++ code, as plain as possible: every distance is computed, every gallery is sorted. Run it again
after a change of the rules: /usr/bin/python3 tests/golden/ranking/make_ranking_goldens.py
"""
import json
import pathlib

import numpy

MAX_RANK = 10


def squared_distances(query, gallery, prefix):
    distances = numpy.zeros((len(query), len(gallery)))
    for q in range(len(query)):
        depth = prefix[q] if prefix else query.shape[1]
        for g in range(len(gallery)):
            difference = query[q, :depth].astype(numpy.float64) - gallery[g, :depth].astype(numpy.float64)
            distances[q, g] = float((difference * difference).sum())
    return distances


def score(distances, query_ids, query_cameras, gallery_ids, gallery_cameras):
    """Market-1501 rule, wrong before right on ties, average precision without trapezoids."""
    first_ranks, precisions, penalties, without = [], [], [], 0
    for q, identity in enumerate(query_ids):
        kept = []
        for g, other in enumerate(gallery_ids):
            if other == -1:
                continue
            same = other == identity
            if same and query_cameras and gallery_cameras and query_cameras[q] == gallery_cameras[g]:
                continue
            kept.append((distances[q, g], 1 if same else 0))
        kept.sort()  # by distance; equal ones: wrong (0) before right (1)
        hits = [position for position, (_, right) in enumerate(kept, start=1) if right]
        if not hits:
            without += 1
            continue
        # Right matches at one distance all stand behind the wrong ones at that distance, one after the other.
        first_ranks.append(hits[0])
        precisions.append(sum(number / position for number, position in enumerate(hits, start=1)) / len(hits))
        penalties.append(len(hits) / hits[-1])
    count = len(first_ranks)
    cmc = [sum(rank <= k for rank in first_ranks) / count if count else 0.0 for k in range(1, MAX_RANK + 1)]
    return {"cmc": cmc, "map": sum(precisions) / count if count else 0.0, "queries": count,
            "minp": sum(penalties) / count if count else 0.0, "queries_without_match": without}


def ranks_in_draws(distances, query_ids, query_cameras, gallery_ids, gallery_cameras, draws):
    """Single shot: (cmc, mean of 1 / rank, mean of 1 / images drawn)."""
    ranks, sizes = [], []
    for draw in draws:
        for q, identity in enumerate(query_ids):
            right = [g for g in draw if gallery_ids[g] == identity and identity > 0]
            if not right:
                continue
            if query_cameras and gallery_cameras and query_cameras[q] == gallery_cameras[right[0]]:
                continue
            wrong = sum(distances[q, g] <= distances[q, right[0]] for g in draw if gallery_ids[g] != identity)
            ranks.append(1 + int(wrong))
            sizes.append(len(draw))
    count = len(ranks)
    cmc = [sum(rank <= k for rank in ranks) / count if count else 0.0 for k in range(1, MAX_RANK + 1)]
    return {"cmc": cmc, "map_single": sum(1 / rank for rank in ranks) / count if count else 0.0,
            "chance_rank1": sum(1 / size for size in sizes) / count if count else 0.0}


def make_case(seed):
    random = numpy.random.default_rng(seed)
    queries = int(random.integers(0 if seed % 20 == 3 else 1, 7))
    gallery = 0 if seed % 20 == 7 else int(random.integers(1, 25))
    dimension = int(random.integers(1, 7)) if seed % 10 else int(random.integers(15, 20))
    identities = int(random.integers(1, 7))
    kind = seed % 5
    if kind == 0:  # all the same
        query_features = numpy.full((queries, dimension), 0.5)
        gallery_features = numpy.full((gallery, dimension), 0.5)
    elif kind in (1, 2):  # a coarse grid: many ties
        query_features = random.integers(-2, 3, (queries, dimension)) / 2
        gallery_features = random.integers(-2, 3, (gallery, dimension)) / 2
    else:  # real numbers; kind 4 repeats gallery rows
        query_features = random.normal(size=(queries, dimension)).round(3)
        gallery_features = random.normal(size=(gallery, dimension)).round(3)
        if kind == 4 and gallery > 1:
            gallery_features = gallery_features[random.integers(0, max(1, gallery // 3), gallery)]
    query_features = query_features.astype(numpy.float32)
    gallery_features = gallery_features.astype(numpy.float32)
    query_ids = random.integers(0 if seed % 6 == 1 else 1, identities + 1, queries).tolist()
    gallery_ids = random.integers(-1, identities + 1, gallery).tolist()
    cameras = int(random.integers(1, 4))
    query_cameras = random.integers(1, cameras + 1, queries).tolist()
    gallery_cameras = random.integers(1, cameras + 1, gallery).tolist()
    if seed % 7 == 2:  # no image says which camera took it
        query_cameras, gallery_cameras = [], []
    prefix = random.integers(1, dimension + 1, queries).tolist() if seed % 4 == 1 else []
    draws = []
    for _ in range(2):
        draw = []
        for identity in sorted(set(gallery_ids) - {-1, 0}):
            draw.append(int(random.choice([g for g in range(gallery) if gallery_ids[g] == identity])))
        if draw:
            draws.append(draw)
    distances = squared_distances(query_features, gallery_features, prefix)
    def shown(features):
        return [[float(str(value)) for value in row] for row in features]
    return {"seed": seed, "dimension": dimension,
            "query": {"features": shown(query_features), "identities": query_ids, "cameras": query_cameras},
            "gallery": {"features": shown(gallery_features), "identities": gallery_ids, "cameras": gallery_cameras},
            "prefix": prefix, "draws": draws,
            "expected": score(distances, query_ids, query_cameras, gallery_ids, gallery_cameras),
            "single_shot": ranks_in_draws(distances, query_ids, query_cameras, gallery_ids, gallery_cameras, draws)}


def main():
    cases = [make_case(seed) for seed in range(200)]
    path = pathlib.Path(__file__).with_name("ranking.json")
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), sort_keys=True) for case in cases)
    path.write_text('{"max_rank":%d,"cases":[\n%s\n]}\n' % (MAX_RANK, lines))


if __name__ == "__main__":
    main()
