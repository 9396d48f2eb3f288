"""The table of Elman networks, and one model trained in this process."""

from typing import Any

from twm.records import read_commit
from twm.training.loop import TrainedModel, find_kind
from twm.training.plans import MULTIPLES

#: A table of models: its columns and what they mean.
MODEL_COLUMNS: dict[str, str] = {
    "model": "name; two rows have one name only if they are the same model",
    "task": "as on the command line",
    "hidden": "hidden neurons",
    "l2": "Adam's coupled weight decay",
    "seed": "of data and initial weights",
    "init": "how initial weights were drawn",
    "curriculum": "rule of the horizon",
    "threshold": "of the curriculum; empty where it has none",
    "learning_rate": "Adam's step",
    "drop_at": "last iteration before the learning rate drops; empty without a drop",
    "iterations": "batches used",
    "horizon": "the curriculum's horizon at the end",
    "accuracy": "share of right signs on the test set of the kept weights; the best of all tests",
    "accuracy_best": "the same, under the name that stands beside accuracy_final",
    "accuracy_final": "of the last test",
    "checkpoint": "iteration of the kept weights: the best test, of equal ones the latest; 0 if there were none",
    "iterations_to_99": "first test with an accuracy of at least 0.99; empty if none",
    "rank_theory": "nonzero eigenvalues that theory predicts",
    "rank_network": "the kept network's eigenvalues with a magnitude above 0.9",
    "argument_error": "mean difference of their arguments, radians, matched greedily; empty where the ranks differ",
    "argument_error_optimal": "the same, matched optimally",
    "margin": "least magnitude above 0.9, less 1",
    "radius": "mean magnitude of those above 0.9",
    **{f"accuracy_{multiple}x": f"of the kept weights over {multiple} training horizons" for multiple in MULTIPLES},
    "diverged_at": "test at which weights were no longer finite; empty if that did not happen",
    "seconds": "training and testing; of models side by side an equal share",
    "device": "where",
    "torch": "version",
    "commit": "of this project; with + where files were changed",
    "date": "day on which the model was done",
}
#: Columns that say how a row came about; two runs of one model may differ in them and in nothing else.
CIRCUMSTANCES = ("seconds", "device", "torch", "commit", "date")


def train_model(plan: Any, path: str | None = None, device: str = "cpu") -> TrainedModel:
    """Train one model of any kind in this process, without leaving files; it comes out as in a sweep, but for CIRCUMSTANCES.

    ``path`` chooses a way to make an iteration, by default the fastest one that is right here.
    """
    read_commit()
    run = find_kind(plan.protocol)(plan, device, path)
    run.train()
    return run.finish()[0]
