"""Exact CMC and mean average precision, by the same code and to the same bits as `resolute rank`.

A gallery image of the query's own identity and camera is left out (Zheng et al., ICCV 2015); identity -1 is junk. Ties count
against the query. No bit of a result depends on threads or on the order of the images.
"""

import json
import os
from collections.abc import Mapping, Sequence
from ctypes import byref, c_double, c_size_t
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from . import _arrays
from ._library import ScoreArrays, Side, call
from .errors import InputError

if TYPE_CHECKING:
    import pandas

_LONGEST_CURVE = 10_000_000
_MOST_THREADS = 1024


class Interval(NamedTuple):
    """A mean with its 95 % interval for new people (and, of several trials, new trainings); fractions. `p` is two-sided."""

    mean: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        return f"{100 * self.mean:.2f} [{100 * self.low:.2f}, {100 * self.high:.2f}]"


class Scores:
    """How queries rank in a gallery. All scores are fractions from 0 to 1; of queries that have a match.

    cmc: float64 [max_rank], cmc[k - 1] is rank-k. mAP, mINP (Ye et al., TPAMI 2021), chance_mAP (of a random order). queries,
    queries_without_match. why: in words, where no query has a match and the scores are NaN. One a query: identities,
    ranks (of the first match; 0: no match), average_precisions, inverse_negative_penalties.
    """

    def __init__(self, query_identities: numpy.ndarray, max_rank: int):
        count = len(query_identities)
        self.identities = query_identities
        self.cmc = numpy.zeros(max_rank)
        self.ranks = numpy.zeros(count, numpy.uint64)
        self.average_precisions = numpy.zeros(count)
        self.inverse_negative_penalties = numpy.zeros(count)
        self._means = numpy.zeros(4)
        self.why = ""
        self.mAP = self.mINP = self.chance_mAP = numpy.nan
        self.queries = self.queries_without_match = 0

    def _arrays(self) -> ScoreArrays:
        return ScoreArrays(self.cmc.ctypes.data, self._means.ctypes.data, self.ranks.ctypes.data,
                           self.average_precisions.ctypes.data, self.inverse_negative_penalties.ctypes.data)

    def _finish(self, why: str) -> "Scores":
        self.why = why
        self.queries = int(self._means[3])
        self.queries_without_match = len(self.identities) - self.queries
        if self.queries > 0:
            self.mAP, self.mINP, self.chance_mAP = (float(value) for value in self._means[:3])
        else:
            self.cmc[:] = numpy.nan
        return self

    def rank(self, k: int) -> float:
        """The share of queries whose first match stands within rank k, 1 to max_rank."""
        if not 1 <= k <= len(self.cmc):
            raise InputError(f"rank {k} is not in the curve (it has ranks 1 to {len(self.cmc)}); give max_rank")
        return float(self.cmc[k - 1])

    def per_query(self, metric: str) -> numpy.ndarray:
        """One number a query: "mAP", "mINP" or "rank-K"; 0 for a query without a match."""
        if metric == "mAP":
            return self.average_precisions
        if metric == "mINP":
            return self.inverse_negative_penalties
        k = metric.removeprefix("rank-")
        if metric.startswith("rank-") and k.isascii() and k.isdigit() and int(k) > 0:
            return ((self.ranks > 0) & (self.ranks <= int(k))).astype(numpy.float64)
        raise InputError(f"there is no metric '{metric}' (there are mAP, mINP and rank-K)")

    def interval(self, metric: str = "mAP") -> Interval:
        """The metric with its interval, by a bootstrap over people (results/scores/bootstrap.h)."""
        matched = self.ranks > 0
        if not matched.any():
            raise InputError(f"there is no interval of {metric} ({self.why or 'there is no query'})")
        return _bootstrap([(self.identities[matched], self.per_query(metric)[matched][:, None])])[0]

    def to_pandas(self) -> "pandas.DataFrame":
        """One row a query: identity, rank, average_precision, inverse_negative_penalty; NaN where it has no match."""
        import pandas

        matched = self.ranks > 0
        columns = {"identity": self.identities, "rank": self.ranks.astype(numpy.float64),
                   "average_precision": self.average_precisions,
                   "inverse_negative_penalty": self.inverse_negative_penalties}
        return pandas.DataFrame({name: values if name == "identity" else numpy.where(matched, values, numpy.nan)
                                 for name, values in columns.items()})

    def __repr__(self) -> str:
        if self.queries == 0:
            return f"Scores({self.why or 'there is no query'})"
        ranks = "".join(f"rank-{k} {100 * self.cmc[k - 1]:.2f} %, " for k in (1, 5, 10, 20) if k <= len(self.cmc))
        return f"Scores({ranks}mAP {100 * self.mAP:.2f} %, mINP {100 * self.mINP:.2f} %, {self.queries} queries)"


def _side(identities: numpy.ndarray, cameras: numpy.ndarray | None) -> Side:
    return Side(identities.ctypes.data, None if cameras is None else cameras.ctypes.data, len(identities))


def _options(max_rank: int, threads: int | None, cosine: bool, rerank: object) -> bytes:
    if threads is None:
        threads = len(os.sched_getaffinity(0))
    for name, value, most in (("max_rank", max_rank, _LONGEST_CURVE), ("threads", threads, _MOST_THREADS)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise InputError(f"'{name}' is {value!r} (it is 1 to {most})")
    by = None
    if rerank is True:
        rerank = (20, 6, 0.3)
    if rerank is not None and rerank is not False:
        if isinstance(rerank, str) or not isinstance(rerank, Sequence) or len(rerank) != 3:
            raise InputError(f"'rerank' is {rerank!r} (it is True or (k1, k2, lambda)); give e.g. (20, 6, 0.3)")
        by = {"k1": rerank[0], "k2": rerank[1], "lambda": rerank[2]}
    try:
        return json.dumps({"max_rank": max_rank, "threads": threads, "cosine": cosine, "re_ranking": by},
                          allow_nan=False).encode()
    except (TypeError, ValueError):
        raise InputError(f"'rerank' is {rerank!r} (it is two integers and a number)") from None


def _labels(q_ids: Any, g_ids: Any, q_cams: Any, g_cams: Any, queries: int, images: int) -> list[Any]:
    if (q_cams is None) != (g_cams is None):
        raise InputError("cameras of one side alone are given (gallery images of a query's own camera cannot be told); "
                         "give both or, where cameras mean nothing, neither")
    if queries == 0:
        raise InputError("there is no query")
    return [_arrays.integers(q_ids, queries, "q_ids"), _arrays.integers(g_ids, images, "g_ids"),
            None if q_cams is None else _arrays.integers(q_cams, queries, "q_cams"),
            None if g_cams is None else _arrays.integers(g_cams, images, "g_cams")]


def rank(qf: Any, gf: Any, q_ids: Any, g_ids: Any, q_cams: Any = None, g_cams: Any = None, *, distance: str = "euclidean",
         rerank: bool | Sequence[float] | None = None, prefix: Any = None, max_rank: int = 50,
         threads: int | None = None) -> Scores:
    """Ranks a gallery by features.

    qf, gf: queries × D and images × D of NumPy or PyTorch, on any device; float64 is rounded to float32. q_ids, g_ids, q_cams,
    g_cams: one integer an image; without cameras no image is left out for its camera. distance: "euclidean" or "cosine".
    rerank: True, or (k1, k2, lambda), for k-reciprocal re-ranking (Zhong et al., CVPR 2017). prefix: one number a query: only so
    many leading dimensions are compared. threads: as many as processors, unless given.

    Raises InputError for shapes that disagree, NaN, infinite features, and settings out of range.
    """
    if distance not in ("euclidean", "cosine"):
        raise InputError(f"'distance' is {distance!r} (it is euclidean or cosine)")
    query, gallery = _arrays.matrix(qf, "qf"), _arrays.matrix(gf, "gf")
    if query.shape[1] != gallery.shape[1]:
        raise InputError(f"'qf' has {query.shape[1]} dimensions (and 'gf' {gallery.shape[1]})")
    query_ids, gallery_ids, query_cameras, gallery_cameras = _labels(q_ids, g_ids, q_cams, g_cams, len(query), len(gallery))
    prefixes = None if prefix is None else _arrays.integers(prefix, len(query), "prefix")
    if prefixes is not None and (rerank or distance == "cosine"):
        raise InputError("'prefix' is given with re-ranking or cosine distance (they take features of whole length)")
    options = _options(max_rank, threads, distance == "cosine", rerank)
    scores = Scores(query_ids, max_rank)
    return scores._finish(call("rank_features", options, query.ctypes.data, byref(_side(query_ids, query_cameras)),
                               gallery.ctypes.data, byref(_side(gallery_ids, gallery_cameras)), query.shape[1],
                               None if prefixes is None else prefixes.ctypes.data, byref(scores._arrays())))


def rank_distances(distances: Any, q_ids: Any, g_ids: Any, q_cams: Any = None, g_cams: Any = None, *, max_rank: int = 50,
                   threads: int | None = None) -> Scores:
    """Ranks a gallery by given distances, queries × images, smaller is closer, any sign; float64 stays float64."""
    matrix = _arrays.matrix(distances, "distances", doubles=True)
    labels = _labels(q_ids, g_ids, q_cams, g_cams, *matrix.shape)
    options = _options(max_rank, threads, False, None)
    scores = Scores(labels[0], max_rank)
    return scores._finish(call("rank_distances", options, matrix.ctypes.data, int(matrix.dtype == numpy.float64),
                               byref(_side(labels[0], labels[2])), byref(_side(labels[1], labels[3])),
                               byref(scores._arrays())))


def _bootstrap(trials: Sequence[tuple[numpy.ndarray, numpy.ndarray]]) -> list[Interval]:
    metrics = trials[0][1].shape[1]
    identities = numpy.ascontiguousarray(numpy.concatenate([of_trial for of_trial, _ in trials]))
    numbers = numpy.ascontiguousarray(numpy.concatenate([of_trial for _, of_trial in trials]))
    found = (c_double * (4 * metrics))()
    call("bootstrap", (c_size_t * len(trials))(*(len(numbers) for numbers, _ in trials)), len(trials),
         identities.ctypes.data, numbers.ctypes.data, metrics, found)
    return [Interval(*found[4 * metric:4 * metric + 4]) for metric in range(metrics)]


def compare(first: Scores | Sequence[Scores], other: Scores | Sequence[Scores],
            metrics: Sequence[str] = ("rank-1", "mAP")) -> Mapping[str, Interval]:
    """By how much `other` is better than `first`: paired differences with their 95 % intervals, for each metric.

    Both are Scores of the same queries, or lists of them, one a trial. Queries count that have a match in both.
    """
    firsts, others = ([one] if isinstance(one, Scores) else list(one) for one in (first, other))
    if len(firsts) != len(others) or not firsts:
        raise InputError(f"there are {len(firsts)} and {len(others)} trials (they are compared in pairs)")
    if not metrics:
        raise InputError("no metric is given")
    trials = []
    for number, (a, b) in enumerate(zip(firsts, others)):
        if not numpy.array_equal(a.identities, b.identities):
            raise InputError(f"trial {number} has other queries on each side (differences are paired by query)")
        both = (a.ranks > 0) & (b.ranks > 0)
        if not both.any():
            raise InputError(f"no query of trial {number} has a match on both sides")
        difference = [b.per_query(metric)[both] - a.per_query(metric)[both] for metric in metrics]
        trials.append((a.identities[both], numpy.stack(difference, axis=1)))
    return dict(zip(metrics, _bootstrap(trials)))
