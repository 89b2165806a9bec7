"""Runs in the peers' environment: datashader, KDEpy, SciPy and scikit-learn over points from a file, on request.

Each line of standard input names a piece of work; each line of standard output is the seconds of processor time that it
took. With a file's name after it the result is written for the accuracy table.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import datashader
import numpy as np
import pandas as pd
from datashader import transfer_functions
from KDEpy import FFTKDE
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity

FOLDER = Path(sys.argv[1])


def works() -> dict[str, Any]:
    """Everything that can be asked for."""
    data = np.load(FOLDER / "points.npz")
    frame = pd.DataFrame({"x": data["east"], "y": data["north"]})
    few = np.column_stack([data["few_east"], data["few_north"]])
    at, bandwidth, box = data["at"], float(data["bandwidth"]), data["box"]
    every = np.column_stack([data["east"], data["north"]])
    canvas = datashader.Canvas(256, 256, x_range=(box[0], box[2]), y_range=(box[1], box[3]))

    def tile() -> bytes:
        image = transfer_functions.shade(canvas.points(frame, "x", "y"), cmap=["#ffe680", "#440044"], how="linear")
        return image.to_bytesio().getvalue()

    def scipy() -> np.ndarray:
        # Its kernel has the shape of the data's covariance: replaced by a round one, h wide.
        kde = gaussian_kde(few.T)
        kde.covariance = np.eye(2) * bandwidth**2
        kde.cho_cov = np.eye(2) * bandwidth
        return kde(at.T)

    def sklearn() -> np.ndarray:
        return np.exp(KernelDensity(bandwidth=bandwidth).fit(few).score_samples(at))

    def sklearn_tolerant() -> np.ndarray:
        return np.exp(KernelDensity(bandwidth=bandwidth, rtol=0.01).fit(few).score_samples(at))

    def kdepy(points: np.ndarray) -> np.ndarray:
        return FFTKDE(bw=bandwidth, kernel="gaussian").fit(points).evaluate(_nodes(points))

    def _nodes(points: np.ndarray) -> np.ndarray:
        low, high = points.min(0) - 4 * bandwidth, points.max(0) + 4 * bandwidth
        axes = [np.arange(a, b, 25.0) for a, b in zip(low, high, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)

    def kdepy_accuracy() -> np.ndarray:
        nodes = _nodes(few)
        axes = [np.unique(nodes[:, axis]) for axis in (0, 1)]
        values = kdepy(few).reshape(len(axes[0]), len(axes[1]))
        return RegularGridInterpolator(axes, values, bounds_error=False, fill_value=0)(at)

    return {
        "datashader": tile, "scipy": scipy, "sklearn": sklearn, "sklearn_tolerant": sklearn_tolerant,
        "kdepy": lambda: kdepy(few), "kdepy_every": lambda: kdepy(every), "kdepy_at": kdepy_accuracy,
    }  # fmt: skip


def main() -> None:
    """Until standard input ends."""
    known = works()
    print("ready", flush=True)
    for line in sys.stdin:
        name, _, save = line.strip().partition(" ")
        started = time.process_time()
        result = known[name]()
        taken = time.process_time() - started
        if save:
            np.save(FOLDER / save, result)
        print(taken, flush=True)


if __name__ == "__main__":
    main()
