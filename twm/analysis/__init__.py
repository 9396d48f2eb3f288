"""The whole analysis of one trained network: spectrum, rank, basis by every method, interventions.

``twm analyse`` prints what :func:`analyse_network` returns. :func:`read_checkpoint` takes this project's Elman networks and
any ``torch.nn.RNN`` state dict with a linear readout. :func:`analyse_machine` does the same, as far as it can be done, for
wave-RNNs, LSTMs and whatever else can be run; ``twm analyse`` prints it for the networks of ``twm sweep bridge``.
"""

from twm.analysis.checkpoints import Checkpoint, OtherNetwork, read_checkpoint
from twm.analysis.gathering import Subject, construct_subject, gather_subject, tabulate_analyses, worst
from twm.analysis.machines import MachineAnalysis, analyse_machine, describe_machine
from twm.analysis.records import COLUMNS, list_networks, list_rows, record_analyses
from twm.analysis.report import (
    STEPS,
    Analysis,
    InterventionShares,
    analyse_network,
    describe_analysis,
    try_interventions,
)

__all__ = [
    "COLUMNS",
    "STEPS",
    "Analysis",
    "Checkpoint",
    "InterventionShares",
    "MachineAnalysis",
    "OtherNetwork",
    "Subject",
    "analyse_machine",
    "analyse_network",
    "construct_subject",
    "describe_analysis",
    "describe_machine",
    "gather_subject",
    "list_networks",
    "list_rows",
    "read_checkpoint",
    "record_analyses",
    "tabulate_analyses",
    "try_interventions",
    "worst",
]
