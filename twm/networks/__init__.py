"""Recurrent networks: trained, or constructed from a theory."""

from twm.kernels import INITIALISATIONS
from twm.networks.attention import AttentionRNN
from twm.networks.elman import NONLINEARITIES, ElmanRNN, Trajectory, construct_elman
from twm.networks.wave import (
    ENCODER_STARTS,
    NETWORKS,
    RECURRENT_STARTS,
    GatedRNN,
    IdentityRNN,
    SequenceNetwork,
    WaveRNN,
    make_sequence_network,
    run_steps,
)

__all__ = [
    "ENCODER_STARTS",
    "INITIALISATIONS",
    "NETWORKS",
    "NONLINEARITIES",
    "RECURRENT_STARTS",
    "AttentionRNN",
    "ElmanRNN",
    "GatedRNN",
    "IdentityRNN",
    "SequenceNetwork",
    "Trajectory",
    "WaveRNN",
    "construct_elman",
    "make_sequence_network",
    "run_steps",
]
