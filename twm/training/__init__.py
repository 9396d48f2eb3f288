"""Training: the paper's protocol on the fast kernels, sweeps that survive being killed, and the slow trainer they are judged by.

======================================  ==================================================================================
:class:`ModelPlan`                      everything that one trained model is a function of
:func:`train_model`                     train it here and now
:func:`train_models`                    train many, on all cores, a GPU or a cluster, into tables, to be stopped anywhere
:data:`SWEEPS`                          the named sweeps behind the book's records
:mod:`~twm.training.sequences`          the same for networks on sequence tasks
:func:`read_sweep`                      what is on record of one: rows, curves, weights
:mod:`~twm.training.table1`             Table 1 cell by cell, the paper's numbers and ours
:func:`train_network`                   the slow, obvious trainer, for any torch module
:func:`compare_attention_with_elman`    attention beside the Elman network
======================================  ==================================================================================

How the pieces fit: a plan (:mod:`twm.training.plans`) and others of its size make an :class:`Ensemble`, whose loop draws
batches (:mod:`twm.training.batches`), asks the curricula (:mod:`twm.training.curricula`) for horizons and steps the kernel. A
job (:mod:`twm.training.jobs`) takes it from its last checkpoint to a result file; workers run jobs, and the process that
leads (:func:`train_models`) takes results into the tables of a place (:mod:`twm.training.places`). What is particular to a
kind of model is its protocol (:mod:`twm.training.protocols`): Elman networks and networks on sequences share all the rest.
"""

from twm.training.batches import BatchFeed, count_right_signs
from twm.training.collections import Models, measure_test_accuracy, read_sweep, remake_sweep, train_here
from twm.training.comparison import (
    MODELS,
    RECORDED_PARTS,
    RatioSummary,
    Trial,
    compare_attention_with_elman,
    describe_main_comparison,
    list_iterations,
    record_attention_comparison,
    select_runs,
    summarise_comparisons,
    summarise_ratio,
    train_trial,
)
from twm.training.curricula import Curricula
from twm.training.ensemble import Ensemble, ModelLog, group_plans, quiet_process
from twm.training.places import Place, lock_place, make_folder_place, make_sweep_place, read_models
from twm.training.plans import CURRICULA, MULTIPLES, ModelPlan, parse_seeds, select_plans
from twm.training.reduced import list_reduced_plans
from twm.training.results import CIRCUMSTANCES, COLUMNS, CURVE_COLUMNS, TrainedModel, finish_ensemble, train_model
from twm.training.runner import Outcome, train_models
from twm.training.sequences import (
    SEQUENCE_COLUMNS,
    SEQUENCE_CURVE_COLUMNS,
    SEQUENCE_GPU_STATUS,
    SequenceModel,
    SequencePlan,
    SequenceRun,
    read_sequence_network,
    train_sequence_model,
)
from twm.training.starts import StartSummary, summarise_starts
from twm.training.summaries import (
    Comparison,
    Mean,
    compare_iterations,
    compare_paired,
    correlate_ranks,
    pair_rows,
    select_rows,
    summarise_mean,
)
from twm.training.sweeps import SWEEPS, Sweep, find_sweep, list_sweeps
from twm.training.trainer import (
    Curriculum,
    StagedHorizon,
    TestPoint,
    TrainingPlan,
    TrainingResult,
    draw_batch,
    measure_accuracy,
    run_output_phase,
    train_network,
)

__all__ = [
    "CIRCUMSTANCES",
    "COLUMNS",
    "CURRICULA",
    "CURVE_COLUMNS",
    "MODELS",
    "MULTIPLES",
    "RECORDED_PARTS",
    "SEQUENCE_COLUMNS",
    "SEQUENCE_CURVE_COLUMNS",
    "SEQUENCE_GPU_STATUS",
    "SWEEPS",
    "BatchFeed",
    "Comparison",
    "Curricula",
    "Curriculum",
    "Ensemble",
    "Mean",
    "ModelLog",
    "ModelPlan",
    "Models",
    "Outcome",
    "Place",
    "RatioSummary",
    "SequenceModel",
    "SequencePlan",
    "SequenceRun",
    "StagedHorizon",
    "StartSummary",
    "Sweep",
    "TestPoint",
    "TrainedModel",
    "TrainingPlan",
    "TrainingResult",
    "Trial",
    "compare_attention_with_elman",
    "compare_iterations",
    "compare_paired",
    "correlate_ranks",
    "count_right_signs",
    "describe_main_comparison",
    "draw_batch",
    "find_sweep",
    "finish_ensemble",
    "group_plans",
    "list_iterations",
    "list_reduced_plans",
    "list_sweeps",
    "lock_place",
    "make_folder_place",
    "make_sweep_place",
    "measure_accuracy",
    "measure_test_accuracy",
    "pair_rows",
    "parse_seeds",
    "quiet_process",
    "read_models",
    "read_sequence_network",
    "read_sweep",
    "record_attention_comparison",
    "remake_sweep",
    "run_output_phase",
    "select_plans",
    "select_rows",
    "select_runs",
    "summarise_comparisons",
    "summarise_mean",
    "summarise_ratio",
    "summarise_starts",
    "train_here",
    "train_model",
    "train_models",
    "train_network",
    "train_sequence_model",
    "train_trial",
]
