"""A sweep on a cluster: one job a model, by submitit, so that no batch script is needed.

Partition, account and time limit are taken from sbatch's own environment variables (SBATCH_PARTITION, SBATCH_ACCOUNT,
SBATCH_TIMELIMIT). Jobs leave result files in the work folder, which all nodes must see; the process that leads the sweep
records them. If it is killed, jobs run on, and ``--resume`` records what they left.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twm.errors import UserError
from twm.training.jobs import run_job
from twm.training.protocols import describe_plan, restore_any
from twm.training.workers import Message, explain_failure

#: Minutes after which a job is put back into the queue and goes on from its checkpoint, unless SBATCH_TIMELIMIT says so.
_MINUTES = 240


class ClusterJob:
    """Train one model in a job; submitit sends it there and, when the job runs out of time, puts it back."""

    def __call__(self, description: dict[str, Any], work: str, checkpoint_seconds: float) -> Message:
        """Train from the last checkpoint to the result."""
        plan = restore_any(description)
        try:
            run_job([plan], Path(work), checkpoint_seconds)
        except Exception as error:
            return Message("failed", plan.name, explain_failure(error, Path(work) / f"{plan.name}.error.txt"))
        return Message("done", plan.name)

    def checkpoint(self, *arguments: Any) -> Any:
        """Be put back into the queue as it was: the checkpoint on disk is recent enough."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


def train_on_cluster(
    plans: Sequence[Any], work: Path, checkpoint_seconds: float, cluster: str = "slurm", poll_seconds: float = 2.0
) -> Iterator[Message | None]:
    """Submit a job a model, in order, and yield what they tell as they end.

    Args:
        plans: one a model.
        work: folder that all nodes see.
        checkpoint_seconds: time between checkpoints.
        cluster: ``slurm``, or ``local`` for processes on this machine, which is how it is tested.
        poll_seconds: time between looks at the jobs.

    Yields:
        messages as :func:`twm.training.workers.train_in_processes` does. When it is closed early, jobs are cancelled.

    Raises:
        UserError: if submitit is not installed, or the cluster cannot be reached.
    """
    try:
        import submitit
    except ImportError:
        raise UserError("a cluster needs submitit: install it with `pip install -e .[cluster]`") from None
    if not plans:
        return
    try:
        executor = submitit.AutoExecutor(folder=Path(work) / "jobs", cluster=cluster)
        executor.update_parameters(name="twm", timeout_min=_MINUTES, cpus_per_task=1, mem_gb=2)
        with executor.batch():
            jobs = {
                plan.name: executor.submit(ClusterJob(), describe_plan(plan), str(work), checkpoint_seconds)
                for plan in plans
            }
    except (RuntimeError, OSError, submitit.core.utils.FailedJobError) as error:
        raise UserError(f"the jobs could not be submitted: {(str(error).splitlines() or [''])[0]}") from None
    try:
        while jobs:
            ended = [name for name, job in jobs.items() if job.done()]
            if not ended:
                yield None
                time.sleep(poll_seconds)
            for name in ended:
                yield _ask(name, jobs.pop(name))
    finally:
        for job in jobs.values():
            job.cancel(check=False)


def _ask(name: str, job: Any) -> Message:
    try:
        return job.result()
    except Exception as error:
        # The job died without an answer: killed, out of memory, or cancelled.
        return Message("failed", name, f"its job ended without a result: {(str(error).splitlines() or [''])[0]}")
