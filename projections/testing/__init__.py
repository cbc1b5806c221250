"""The contract kit: shows an author of a projection, in one call, that it can be trusted.

``check_projection(CostPerPipeline())`` folds logs in every way there is, and raises
``ContractBroken`` where two of them come to different rows. It needs no test framework.
"""

from projections.testing.check import check_projection
from projections.testing.contract import LAWS, ContractBroken
from projections.testing.sample_logs import sample_logs
from projections.testing.scratch_log import lines_of, write_log

__all__ = [
    "LAWS",
    "ContractBroken",
    "check_projection",
    "lines_of",
    "sample_logs",
    "write_log",
]
