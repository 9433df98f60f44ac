"""Writes tsne.json: points along curves, and the Kullback-Leibler divergence that scikit-learn's exact t-SNE comes to on them.

Along a curve there is one map to come to. Of clusters there are many, and a change in the ninth decimal of the first map changes
scikit-learn's own divergence by up to 13 %: nothing to compare with.

"apart" is how far each point is moved along a dimension of its own, behind its values. Squared distances grow by 2 apart² each, as in
many dimensions, where they are large and differ little.

Run with numpy (2.4) and scikit-learn (1.9) once:  python make_tsne.py > tsne.json
"""

import json

import numpy as np
from sklearn.manifold import TSNE


def wave(rows, generator):
    t = np.linspace(0, 1, rows)
    return np.c_[10 * t, 3 * np.sin(7 * t), 2 * np.cos(11 * t), 0.1 * generator.normal(size=rows)]


def arc(rows, generator):
    t = np.linspace(0, 4, rows)
    return np.c_[8 * np.cos(t), 5 * np.sin(t), t, 0.5 * t * t, 0.05 * generator.normal(size=(rows, 2))]


def case(shape, rows, perplexity, seed, apart=0):
    values = np.round(shape(rows, np.random.default_rng(seed)), 2)
    points = np.c_[values, apart * np.eye(rows)] if apart else values
    map_ = TSNE(perplexity=perplexity, method="exact", init="pca", learning_rate="auto", random_state=0).fit(points)
    return {
        "rows": rows,
        "dimensions": values.shape[1],
        "apart": apart,
        "perplexity": perplexity,
        "values": values.ravel().tolist(),
        "cost": float(map_.kl_divergence_),
    }


CASES = [case(wave, 200, 30.0, 0), case(arc, 60, 15.0, 2, apart=20), case(arc, 90, 15.0, 1)]
print(json.dumps(CASES, separators=(",", ":")))
