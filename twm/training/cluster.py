"""A sweep on a cluster: one job a model, by submitit, so that no batch script is needed.

Partition, account and time limit are taken from sbatch's own environment variables (SBATCH_PARTITION, SBATCH_ACCOUNT,
SBATCH_TIMELIMIT). Jobs leave checkpoints with results in the work folder, which all nodes must see; the process that leads
the sweep records them. If it is killed, jobs run on, and ``--resume`` records what they left.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twm.errors import UserError
from twm.training.jobs import Message, try_job

#: Minutes after which a job is put back into the queue and goes on from its checkpoint, unless SBATCH_TIMELIMIT says so.
_MINUTES = 240


class ClusterJob:
    """Train one model in a job; submitit sends it there and, when the job runs out of time, puts it back."""

    def __call__(self, description: dict[str, Any], work: str, checkpoint_seconds: float) -> Message:
        """Train from the last checkpoint to the result."""
        return try_job(description, Path(work), lambda message: print(*message), checkpoint_seconds=checkpoint_seconds)

    def checkpoint(self, *arguments: Any) -> Any:
        """Be put back into the queue as it was: the checkpoint on disk is recent enough."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


def train_on_cluster(
    tasks: Sequence[tuple[str, dict[str, Any]]],
    work: Path,
    checkpoint_seconds: float,
    stop: threading.Event,
    cluster: str = "slurm",
    poll_seconds: float = 2.0,
) -> Iterator[Message | None]:
    """Submit a job a model, in order, and yield what they tell as they end; jobs are cancelled once ``stop`` is set.

    ``cluster`` may be ``local`` for processes on this machine, which is how it is tested.
    """
    try:
        import submitit
    except ImportError:
        raise UserError("a cluster needs submitit: install it with `pip install -e .[cluster]`") from None
    if not tasks:
        return
    try:
        executor = submitit.AutoExecutor(folder=work / "jobs", cluster=cluster)
        executor.update_parameters(name="twm", timeout_min=_MINUTES, cpus_per_task=1, mem_gb=2)
        with executor.batch():
            arguments = str(work), checkpoint_seconds
            jobs = {name: executor.submit(ClusterJob(), description, *arguments) for name, description in tasks}
    except (RuntimeError, OSError, submitit.core.utils.FailedJobError) as error:
        raise UserError(f"the jobs could not be submitted: {(str(error).splitlines() or [''])[0]}") from None
    try:
        while jobs and not stop.is_set():
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
        return "failed", [name], f"its job ended without a result: {(str(error).splitlines() or [''])[0]}"
