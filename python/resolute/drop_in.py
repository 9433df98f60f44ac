"""The evaluators of torchreid and fast-reid under their own names and with their own arguments, by this package's exact code.

In place of `from torchreid.metrics.rank import evaluate_rank` write `from resolute.drop_in import torchreid_evaluate_rank as
evaluate_rank`. If theirs prints, drops or asserts something, these raise an exception or do nothing: max_rank is
cut to the gallery's size, and a set without any match raises InputError. One thing differs: ties count against the query.
"""

from typing import Any

import numpy

from . import _arrays
from .errors import InputError
from .evaluation import Scores, rank_distances


def _ranked(distmat: Any, q_pids: Any, g_pids: Any, q_camids: Any, g_camids: Any, max_rank: int, cuhk03: bool) -> Scores:
    if cuhk03:
        raise InputError("'use_metric_cuhk03' is asked for (it draws galleries with an unseeded generator); "
                         "leave it out, or let rank_distances(protocol=\"single-shot\") draw them by a seed")
    matrix = _arrays.matrix(distmat, "distmat", doubles=True)
    ids = [_arrays.integers(q_pids, matrix.shape[0], "q_pids"), _arrays.integers(g_pids, matrix.shape[1], "g_pids")]
    if any((side == -1).any() for side in ids):
        # Theirs know no junk: -1 is a person like another.
        numbers = numpy.unique(numpy.concatenate(ids), return_inverse=True)[1]
        ids = [numbers[:len(ids[0])], numbers[len(ids[0]):]]
    ranks = min(_arrays.count(max_rank, "max_rank", 1), matrix.shape[1])
    scores = rank_distances(matrix, ids[0], ids[1], q_camids, g_camids, max_rank=max(1, ranks))
    if scores.queries == 0:
        raise InputError(f"there is no score ({scores.why})")
    return scores


def torchreid_evaluate_rank(distmat: Any, q_pids: Any, g_pids: Any, q_camids: Any, g_camids: Any, max_rank: int = 50,
                            use_metric_cuhk03: bool = False, use_cython: bool = True) -> tuple[numpy.ndarray, float]:
    """torchreid.metrics.evaluate_rank: (cmc [max_rank], mAP)."""
    del use_cython
    scores = _ranked(distmat, q_pids, g_pids, q_camids, g_camids, max_rank, use_metric_cuhk03)
    return scores.cmc, scores.mAP


def fastreid_evaluate_rank(distmat: Any, q_pids: Any, g_pids: Any, q_camids: Any, g_camids: Any, max_rank: int = 50,
                           use_metric_cuhk03: bool = False,
                           use_cython: bool = True) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """fastreid.evaluation.rank.evaluate_rank: (cmc [max_rank], average precisions, inverse negative penalties), of queries
    that have a match."""
    del use_cython
    scores = _ranked(distmat, q_pids, g_pids, q_camids, g_camids, max_rank, use_metric_cuhk03)
    matched = scores.ranks > 0
    return scores.cmc, scores.average_precisions[matched], scores.inverse_negative_penalties[matched]
