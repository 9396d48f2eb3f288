"""Networks on sequence tasks: plans, the training loop on the fast recurrences, and the protocol by which sweeps train them."""

from twm.training.sequences.collection import (
    SequenceModels,
    list_speeds,
    measure_diagonal,
    read_sequence_sweep,
    record_activity,
    train_sequences_here,
)
from twm.training.sequences.model import (
    SEQUENCE_GPU_STATUS,
    SequenceModel,
    check_recurrence,
    make_network,
    make_recurrence,
)
from twm.training.sequences.plans import STARTS, SequencePlan
from twm.training.sequences.reduced import list_reduced_sequence_plans
from twm.training.sequences.results import (
    SEQUENCE_COLUMNS,
    SEQUENCE_CURVE_COLUMNS,
    read_sequence_network,
    train_sequence_model,
    write_sequence_network,
)
from twm.training.sequences.run import LOOK_EVERY, SequenceLog, SequenceRun

__all__ = [
    "LOOK_EVERY",
    "SEQUENCE_COLUMNS",
    "SEQUENCE_CURVE_COLUMNS",
    "SEQUENCE_GPU_STATUS",
    "STARTS",
    "SequenceLog",
    "SequenceModel",
    "SequenceModels",
    "SequencePlan",
    "SequenceRun",
    "check_recurrence",
    "list_reduced_sequence_plans",
    "list_speeds",
    "make_network",
    "make_recurrence",
    "measure_diagonal",
    "read_sequence_network",
    "read_sequence_sweep",
    "record_activity",
    "train_sequence_model",
    "train_sequences_here",
    "write_sequence_network",
]
