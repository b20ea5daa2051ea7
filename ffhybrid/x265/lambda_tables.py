"""x265's two tables of Lagrange multipliers, as ``lambda-file`` takes them: its own values but for our changes."""

from __future__ import annotations

import math

LAMBDA_FILE = "lambda.txt"
HIGHEST_QP, QP_COUNT = 51, 70
LOCKING = (10.0, 0.004)
"""Lambda and lambda2 that make bits almost free: an inexact CU then costs more than a lossless one."""


def lambda_tables(*, bit_depth: int, locking: range = range(0), lambda_offset: float = 0.0) -> str:
    """Write both tables.

    Args:
        bit_depth: of the pictures; with each bit more errors are twice as large, and squared ones four times.
        locking: QPs at which bits are almost free.
        lambda_offset: QPs by which bits are to weigh more than they do at a QP; quantisation stays what it is.
    """
    weighed = [max(qp, min(qp, HIGHEST_QP) + lambda_offset) for qp in range(QP_COUNT)]
    step = 2.0 ** (bit_depth - 8)
    tables = (
        [LOCKING[0] if qp in locking else step * 2 ** (weight / 6 - 2) for qp, weight in enumerate(weighed)],
        [
            LOCKING[1] if qp in locking else step**2 * 0.038 * math.exp(0.234 * weight)
            for qp, weight in enumerate(weighed)
        ],
    )
    return "\n".join(",".join(f"{value:.9g}" for value in table) for table in tables) + "\n"
