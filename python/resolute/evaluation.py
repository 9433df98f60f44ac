"""Exact CMC and mean average precision, by the same code and to the same bits as `resolute rank`.

A gallery image of the query's own identity and camera is left out (Zheng et al., ICCV 2015); identity -1 is junk. Ties count
against the query. No bit of a result depends on threads or, unless galleries are drawn, on the order of the images.

A protocol says in which galleries queries are ranked, as a suite's `evaluate.protocol` does: None and "whole-gallery", in the one of
all images; "single-shot" and "multi-shot", in galleries that are drawn with one image or `shots` images of each identity. mAP and
mINP are over all images in each case.
"""

import json
import os
from collections.abc import Mapping, Sequence
from ctypes import byref, c_double, c_size_t
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from . import _arrays
from ._library import ScoreArrays, Side, call
from .errors import InputError, imported

if TYPE_CHECKING:
    import pandas

_LONGEST_CURVE = 10_000_000
_MOST_THREADS = 1024
_PROTOCOLS = {"single-shot": ("draws",), "multi-shot": ("draws", "shots"), "whole-gallery": ()}
#: The ranks k for which each query has a share of its galleries (results/scores/galleries.h).
QUERY_RANKS = (1, 5, 10, 20)


class Interval(NamedTuple):
    """A mean with its 95 % interval for new people (and, of several trials, new trainings); fractions. `p` is two-sided."""

    mean: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        return f"{100 * self.mean:.2f} [{100 * self.low:.2f}, {100 * self.high:.2f}]"


class Scores:
    """How queries rank in the galleries of a protocol. All scores are fractions from 0 to 1; of queries that have a match.

    cmc: float64 [max_rank], cmc[k - 1] is rank-k, the mean over pairs of a query and a gallery with a match of it. map_single: the
    mean of 1 / rank of the first match over the same pairs. chance_cmc (of random orders): float64 [4], rank-1, -5, -10 and -20.
    Of all images, whatever the protocol: mAP, mINP (Ye et al., TPAMI 2021), chance_mAP, queries, queries_without_match.
    why: in words, where no query has a match, in no gallery, and scores are NaN.
    One a query: identities, cameras (None where none were given); of all images, ranks (of the first match; 0: no match),
    average_precisions, inverse_negative_penalties; galleries (those that have a match of it), and shares, float64 queries × 4: the
    share of these in which its first match stands within rank 1, 5, 10 and 20.
    """

    def __init__(self, query_identities: numpy.ndarray, query_cameras: numpy.ndarray | None, max_rank: int, protocol: str):
        count = len(query_identities)
        self.protocol = protocol
        self.identities, self.cameras = query_identities, query_cameras
        self.cmc = numpy.zeros(max_rank)
        self.chance_cmc = numpy.full(len(QUERY_RANKS), numpy.nan)
        self.ranks = numpy.zeros(count, numpy.uint64)
        self.average_precisions = numpy.zeros(count)
        self.inverse_negative_penalties = numpy.zeros(count)
        self.galleries = numpy.zeros(count, numpy.uint64)
        self.shares = numpy.zeros((count, len(QUERY_RANKS)))
        self._means = numpy.zeros(5 + len(QUERY_RANKS))
        self.why = ""
        self.mAP = self.mINP = self.chance_mAP = self.map_single = numpy.nan
        self.queries = self.queries_without_match = 0

    def _arrays(self) -> ScoreArrays:
        return ScoreArrays(*(array.ctypes.data for array in (
            self.cmc, self._means, self.ranks, self.average_precisions, self.inverse_negative_penalties, self.galleries, self.shares)))

    def _finish(self, why: str) -> "Scores":
        self.why = why
        self.queries = int(self._means[3])
        self.queries_without_match = len(self.identities) - self.queries
        if self.queries > 0:
            self.mAP, self.mINP, self.chance_mAP = (float(value) for value in self._means[:3])
        if self.galleries.any():
            self.map_single, self.chance_cmc = float(self._means[4]), self._means[5:]
        else:
            self.cmc[:] = numpy.nan
        return self

    def rank(self, k: int) -> float:
        """The share of queries (and galleries) whose first match stands within rank k, 1 to max_rank."""
        try:
            return float(self.cmc[_arrays.count(k, "k", 1, len(self.cmc)) - 1])
        except InputError:
            raise InputError(f"rank {k!r} is not in the curve (it has ranks 1 to {len(self.cmc)}); give max_rank") from None

    def per_query(self, metric: str) -> numpy.ndarray:
        """One number a query: "mAP", "mINP" or "rank-K", which suites call "rankK"; 0 for a query without a match. With drawn
        galleries it is the share of the query's galleries, and K is 1, 5, 10 or 20."""
        if metric == "mAP":
            return self.average_precisions
        if metric == "mINP":
            return self.inverse_negative_penalties
        k = metric.removeprefix("rank").removeprefix("-")
        if metric.startswith("rank") and k.isascii() and k.isdigit() and int(k) > 0:
            if not _PROTOCOLS[self.protocol]:
                return ((self.ranks > 0) & (self.ranks <= int(k))).astype(numpy.float64)
            if int(k) in QUERY_RANKS:
                return self.shares[:, QUERY_RANKS.index(int(k))]
            raise InputError(f"a query has no rank-{k} in drawn galleries (it has rank-{', rank-'.join(map(str, QUERY_RANKS))})")
        raise InputError(f"there is no metric '{metric}' (there are mAP, mINP and rank-K)")

    def interval(self, metric: str = "mAP") -> Interval:
        """The metric with its interval, by a bootstrap over people (results/scores/bootstrap.h). Its mean is over queries that have
        a match: where not all of these have one in each drawn gallery, `cmc` differs from it. Raises InputError where no query has a
        match."""
        if self.why:
            raise InputError(f"there is no interval of {metric} ({self.why})")
        matched = self.ranks > 0
        return _bootstrap([(self.identities[matched], self.per_query(metric)[matched][:, None])])[0]

    def to_pandas(self) -> "pandas.DataFrame":
        """One row a query: identity, rank, average_precision, inverse_negative_penalty, and where galleries are drawn, galleries,
        rank-1, rank-5, rank-10 and rank-20 (shares of these galleries); NaN where it has no match."""
        pandas = imported("pandas")
        columns = {"rank": self.ranks.astype(numpy.float64), "average_precision": self.average_precisions,
                   "inverse_negative_penalty": self.inverse_negative_penalties}
        if _PROTOCOLS[self.protocol]:
            columns["galleries"] = self.galleries.astype(numpy.float64)
            columns |= {f"rank-{k}": self.per_query(f"rank-{k}") for k in QUERY_RANKS}
        return pandas.DataFrame({"identity": self.identities, **{name: numpy.where(self.ranks > 0, values, numpy.nan)
                                                                 for name, values in columns.items()}})

    def __repr__(self) -> str:
        if self.why:
            return f"Scores({self.why})"
        ranks = "".join(f"rank-{k} {100 * self.cmc[k - 1]:.2f} %, " for k in QUERY_RANKS if k <= len(self.cmc))
        return f"Scores({ranks}mAP {100 * self.mAP:.2f} %, mINP {100 * self.mINP:.2f} %, {self.queries} queries)"


def _side(identities: numpy.ndarray, cameras: numpy.ndarray | None) -> Side:
    return Side(identities.ctypes.data, None if cameras is None else cameras.ctypes.data, len(identities))


def _options(max_rank: int, threads: int | None, seed: int) -> bytes:
    threads = len(os.sched_getaffinity(0)) if threads is None else threads
    return json.dumps({"max_rank": _arrays.count(max_rank, "max_rank", 1, _LONGEST_CURVE),
                       "threads": _arrays.count(threads, "threads", 1, _MOST_THREADS), "seed": _arrays.count(seed, "seed")}).encode()


def _protocol(protocol: str | None, draws: int | None, shots: int | None) -> dict[str, Any]:
    """Members of a job's protocol; the library has their defaults."""
    name = "whole-gallery" if protocol is None else protocol
    if not isinstance(name, str) or name not in _PROTOCOLS:
        raise InputError(f"'protocol' is {_arrays.shown(protocol)} (it is {', '.join(_PROTOCOLS)} or None)")
    given = {key: _arrays.count(value, key, 1) for key, value in (("draws", draws), ("shots", shots)) if value is not None}
    for key in given:
        if key not in _PROTOCOLS[name]:
            raise InputError(f"'{key}' is given with protocol {_arrays.shown(protocol)} (it has none); "
                             f"give protocol='{'multi-shot' if key == 'shots' else 'single-shot'}'")
    return {"name": name, **given}


def _re_ranking(rerank: object) -> dict[str, Any]:
    """Members of the protocol, as _protocol() has them."""
    if rerank is None or isinstance(rerank, (bool, numpy.bool_)):
        return {"re_ranking": bool(rerank)}
    if isinstance(rerank, str) or not isinstance(rerank, Sequence) or len(rerank) != 3:
        raise InputError(f"'rerank' is {_arrays.shown(rerank)} (it is True or (k1, k2, lambda)); give e.g. (20, 6, 0.3)")
    try:
        k1, k2, share = json.loads(_arrays.as_json(list(rerank), "'rerank'"))
    except InputError:
        raise InputError(f"'rerank' is {_arrays.shown(rerank)} (it is two integers and a number)") from None
    return {"re_ranking": True, "re_ranking_k1": k1, "re_ranking_k2": k2, "re_ranking_lambda": share}


def _labels(q_ids: Any, g_ids: Any, q_cams: Any, g_cams: Any, queries: int, images: int) -> list[Any]:
    if (q_cams is None) != (g_cams is None):
        raise InputError("cameras of one side alone are given (gallery images of a query's own camera cannot be told); "
                         "give both or, where cameras mean nothing, neither")
    if queries == 0:
        raise InputError("there is no query")
    return [_arrays.integers(q_ids, queries, "q_ids"), _arrays.integers(g_ids, images, "g_ids"),
            None if q_cams is None else _arrays.integers(q_cams, queries, "q_cams"),
            None if g_cams is None else _arrays.integers(g_cams, images, "g_cams")]


def rank(qf: Any, gf: Any, q_ids: Any, g_ids: Any, q_cams: Any = None, g_cams: Any = None, *, protocol: str | None = None,
         draws: int | None = None, shots: int | None = None, seed: int = 0, distance: str = "euclidean",
         rerank: bool | Sequence[float] | None = None, prefix: Any = None, max_rank: int = 50, threads: int | None = None) -> Scores:
    """Ranks galleries by features.

    qf, gf: queries × D and images × D of NumPy or PyTorch, on any device; float64 is rounded to float32. q_ids, g_ids, q_cams,
    g_cams: one integer an image; without cameras no image is left out for its camera. distance: "euclidean" or "cosine".
    rerank: True, or (k1, k2, lambda), for k-reciprocal re-ranking (Zhong et al., CVPR 2017), in each gallery by itself. prefix: one
    number a query: only so many leading dimensions are compared. max_rank: the length of `cmc`. threads: as many as processors,
    unless given.

    protocol: "single-shot", "multi-shot", "whole-gallery" or None, which is the same as the last. draws: how many galleries are
    drawn, 1 to 10,000, 100 unless given. shots: with "multi-shot", images of each identity in a gallery, 2 to 1,000, 5 unless given;
    of one that has fewer, all. seed: of the draws, 0 to 2^48. A split's seed and its gallery in order
    give the galleries of an evaluation of that split (docs/inside/formats/manifest.md). Identity 0 is in no drawn gallery,
    unless a query has it: in a split it stands for distractors.

    Raises InputError for shapes that disagree, NaN, infinite features, and settings out of range or without effect.
    """
    if distance not in ("euclidean", "cosine"):
        raise InputError(f"'distance' is {_arrays.shown(distance)} (it is euclidean or cosine)")
    asked = {**_protocol(protocol, draws, shots), **_re_ranking(rerank), "distance": "cosine" if distance == "cosine" else "default"}
    return ranked(qf, gf, q_ids, g_ids, q_cams, g_cams, asked, seed=seed, prefix=prefix, max_rank=max_rank, threads=threads)


def ranked(qf: Any, gf: Any, q_ids: Any, g_ids: Any, q_cams: Any, g_cams: Any, protocol: Mapping[str, Any], *, seed: int,
           prefix: Any = None, max_rank: int, threads: int | None) -> Scores:
    """The same by the `protocol` of a job's specification (docs/inside/formats/specification.md)."""
    query, gallery = _arrays.matrix(qf, "qf"), _arrays.matrix(gf, "gf")
    if query.shape[1] != gallery.shape[1]:
        raise InputError(f"'qf' has {query.shape[1]} dimensions (and 'gf' {gallery.shape[1]})")
    query_ids, gallery_ids, query_cameras, gallery_cameras = _labels(q_ids, g_ids, q_cams, g_cams, len(query), len(gallery))
    prefixes = None if prefix is None else _arrays.integers(prefix, len(query), "prefix")
    if prefixes is not None and (protocol.get("re_ranking") or protocol["distance"] == "cosine"):
        raise InputError("'prefix' is given with re-ranking or cosine distance (they take features of whole length)")
    options = _options(max_rank, threads, seed)
    scores = Scores(query_ids, query_cameras, max_rank, protocol["name"])
    return scores._finish(call("rank_features", options, json.dumps(dict(protocol)).encode(), query.ctypes.data,
                               byref(_side(query_ids, query_cameras)), gallery.ctypes.data, byref(_side(gallery_ids, gallery_cameras)),
                               query.shape[1], None if prefixes is None else prefixes.ctypes.data, byref(scores._arrays())))


def rank_distances(distances: Any, q_ids: Any, g_ids: Any, q_cams: Any = None, g_cams: Any = None, *, protocol: str | None = None,
                   draws: int | None = None, shots: int | None = None, seed: int = 0, max_rank: int = 50,
                   threads: int | None = None) -> Scores:
    """Ranks galleries by given distances, queries × images, smaller is closer, any sign; float64 stays float64. The rest is as in
    rank(). Raises InputError for shapes that disagree, NaN, and settings out of range."""
    matrix = _arrays.matrix(distances, "distances", doubles=True)
    labels = _labels(q_ids, g_ids, q_cams, g_cams, *matrix.shape)
    asked = _protocol(protocol, draws, shots)
    options = _options(max_rank, threads, seed)
    scores = Scores(labels[0], labels[2], max_rank, asked["name"])
    return scores._finish(call("rank_distances", options, json.dumps(asked).encode(), matrix.ctypes.data,
                               int(matrix.dtype == numpy.float64), byref(_side(labels[0], labels[2])),
                               byref(_side(labels[1], labels[3])), byref(scores._arrays())))


def _bootstrap(trials: Sequence[tuple[numpy.ndarray, numpy.ndarray]]) -> list[Interval]:
    metrics = trials[0][1].shape[1]
    identities = numpy.ascontiguousarray(numpy.concatenate([people for people, _ in trials]))
    numbers = numpy.ascontiguousarray(numpy.concatenate([values for _, values in trials]))
    found = (c_double * (4 * metrics))()
    call("bootstrap", (c_size_t * len(trials))(*(len(people) for people, _ in trials)), len(trials),
         identities.ctypes.data, numbers.ctypes.data, metrics, found)
    return [Interval(*found[4 * metric:4 * metric + 4]) for metric in range(metrics)]


def compare(first: Scores | Sequence[Scores], other: Scores | Sequence[Scores],
            metrics: Sequence[str] = ("rank-1", "mAP")) -> Mapping[str, Interval]:
    """By how much `other` is better than `first`: paired differences with their 95 % intervals, for each metric.

    Both are Scores of the same queries, or lists of them, one a trial. Queries count that have a match in both. Intervals are in
    fractions. Raises InputError where queries differ, or none has a match on both sides.
    """
    firsts, others = ([one] if isinstance(one, Scores) else list(one) for one in (first, other))
    if len(firsts) != len(others) or not firsts:
        raise InputError(f"there are {len(firsts)} and {len(others)} trials (they are compared in pairs)")
    if not metrics:
        raise InputError("no metric is given")
    trials = []
    for number, (a, b) in enumerate(zip(firsts, others)):
        for one in (a, b):
            if one.why:
                raise InputError(f"trial {number} has no score ({one.why})")
        if a.protocol != b.protocol:
            raise InputError(f"trial {number} is of protocol {a.protocol} on one side (and {b.protocol} on the other)")
        for name, of_a, of_b in (("identities", a.identities, b.identities), ("cameras", a.cameras, b.cameras)):
            if (of_a is None) != (of_b is None) or of_a is not None and not numpy.array_equal(of_a, of_b):
                raise InputError(f"trial {number} has other queries on each side (their {name} differ; differences are paired by query)")
        both = (a.ranks > 0) & (b.ranks > 0)
        if not both.any():
            raise InputError(f"no query of trial {number} has a match on both sides")
        difference = [b.per_query(metric)[both] - a.per_query(metric)[both] for metric in metrics]
        trials.append((a.identities[both], numpy.stack(difference, axis=1)))
    return dict(zip(metrics, _bootstrap(trials)))
