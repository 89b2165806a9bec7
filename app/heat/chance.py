"""What is more than chance: Getis-Ord Gi*, the comparison of two Poisson counts, the false-discovery rate. Pure."""

from __future__ import annotations

import numpy as np
from scipy import special

from app.heat.cells import disc_sums
from app.heat.cube import Array

# The share of marked squares that chance alone may have marked.
FALSE_DISCOVERY_RATE = 0.05


def gi_star(counts: Array, inside: Array, band_m: float) -> Array:
    """Getis-Ord Gi* as a standard score for every square inside; 0 elsewhere.

        z = (Σⱼ wᵢⱼxⱼ - x̄ Wᵢ) / (s √((n Wᵢ - Wᵢ²) / (n - 1))),   w = 1 up to `band_m`, itself included

    Ord and Getis, "Local spatial autocorrelation statistics", Geographical Analysis 27, 1995, eq. 14. The same numbers
    as esda.G_Local(star=True, transform="B").Zs. Where all squares are alike nothing stands out: 0 everywhere.
    """
    n = int(np.count_nonzero(inside))
    values = counts[inside].astype(np.float64)
    score = np.zeros(counts.shape)
    if n < 2 or not values.any():  # noqa: PLR2004
        return score
    mean = values.mean()
    variance = (values**2).mean() - mean**2
    weights = disc_sums(inside.astype(np.int64), band_m)
    sums = disc_sums(np.where(inside, counts, 0), band_m)
    spread = np.sqrt(np.maximum(variance * (n * weights - weights.astype(np.float64) ** 2) / (n - 1), 0))
    # A disc that holds every square cannot differ from the whole.
    usable = inside & (spread > 1e-12 * max(mean, 1))
    score[usable] = (sums[usable] - mean * weights[usable]) / spread[usable]
    return score


def two_sided(score: Array) -> Array:
    """The probability of a standard score at least as far from 0."""
    p: Array = 2 * special.ndtr(-np.abs(score))
    return p


def discoveries(p: Array, rate: float = FALSE_DISCOVERY_RATE) -> Array:
    """Which tests hold at a false-discovery rate: Benjamini and Hochberg, JRSS B 57, 1995; one boolean a test."""
    if not len(p):
        return np.zeros(0, np.bool_)
    order = np.sort(p)
    below = np.flatnonzero(order <= rate * np.arange(1, len(p) + 1) / len(p))
    if not len(below):
        return np.zeros(len(p), np.bool_)
    held: Array = p <= order[below[-1]]
    return held


def changed_by_chance(now: Array, before: Array, share: float) -> Array:
    """Two-sided probability of two Poisson counts when nothing changed.

    Given their sum, `now` is binomial with `share` (this period's part of all days): Przyborowski and Wilenski,
    Biometrika 31, 1940. Twice the smaller tail, at most 1.
    """
    total = now + before
    at_most = special.bdtr(now.astype(np.float64), total, share)
    at_least = np.where(now > 0, special.bdtrc(np.maximum(now, 1) - 1.0, total, share), 1.0)
    p: Array = np.minimum(1.0, 2 * np.minimum(at_most, at_least))
    return p
