"""Writes re_ranking.json: distances re-ranked by k-reciprocal neighbours (Zhong et al., CVPR 2017) over matrices of all pairs,
step by step as the authors' program goes: argsort, sets, encodings, averages, Jaccard distances. No two distances of a case
are equal, so that an argsort says what the paper means.

Run with numpy (2.4) once:  python make_re_ranking.py > re_ranking.json
"""

import json

import numpy as np


def reciprocal(order, image, k):
    forward = order[image, : k + 1]
    return forward[[image in order[other, : k + 1] for other in forward]]


def re_ranked(query, gallery, k1, k2, share):
    features = np.concatenate([query, gallery]).astype(np.float64)
    squares = ((features[:, None] - features[None]) ** 2).sum(-1)
    squares /= squares.max(axis=1, keepdims=True)
    order = np.argsort(squares, axis=1)
    encodings = np.zeros_like(squares)
    for image in range(len(features)):
        own = expanded = reciprocal(order, image, k1)
        for candidate in own:
            theirs = reciprocal(order, candidate, int(np.around(k1 / 2)))
            if len(np.intersect1d(theirs, own)) > 2 / 3 * len(theirs):
                expanded = np.union1d(expanded, theirs)
        expanded = np.unique(expanded)
        weights = np.exp(-squares[image, expanded])
        encodings[image, expanded] = weights / weights.sum()
    encodings = np.stack([encodings[row[:k2]].mean(axis=0) for row in order])
    queries = len(query)
    common = np.minimum(encodings[:queries, None], encodings[None, queries:]).sum(-1)
    return (1 - common / (2 - common)) * (1 - share) + squares[:queries, queries:] * share


def line(values):
    return json.dumps(np.asarray(values).ravel().tolist())


generator = np.random.default_rng(20261123)
cases = []
for queries, images, dimension, k1, k2, share in (
        (3, 9, 4, 3, 1, 0.3), (4, 20, 3, 5, 2, 0.3), (5, 25, 6, 7, 3, 0.5), (2, 30, 5, 20, 6, 0.3), (6, 12, 2, 2, 2, 0.0),
        (3, 8, 4, 40, 6, 0.3), (4, 16, 8, 4, 4, 1.0)):
    centres = generator.standard_normal((4, dimension))
    draw = lambda count: (centres[generator.integers(0, 4, count)] + 0.5 * generator.standard_normal((count, dimension)))
    query, gallery = draw(queries).astype(np.float32), draw(images).astype(np.float32)
    pairs = np.concatenate([query, gallery]).astype(np.float64)
    squares = ((pairs[:, None] - pairs[None]) ** 2).sum(-1)[np.triu_indices(queries + images, 1)]
    assert len(np.unique(squares)) == len(squares)
    cases.append("{" + f'"dimension": {dimension}, "k1": {k1}, "k2": {k2}, "lambda": {share},\n  "query": {line(query)},\n'
                 f'  "gallery": {line(gallery)},\n  "distances": {line(re_ranked(query, gallery, k1, k2, share))}' + "}")
print('{"cases": [\n ' + ",\n ".join(cases) + "\n]}")
