"""Interventions: exact on constructed networks, and a wrong basis fails."""

from dataclasses import replace

import numpy as np
import pytest

from twm.analysis.interventions import interchange_variable, write_variable
from twm.analysis.recovery import recover_basis, sample_states
from twm.analysis.systems import as_system
from twm.errors import UserError
from twm.models.elman import construct_elman
from twm.theory.bases import make_basis
from twm.theory.systems import make_repeat_copy, parse_task


@pytest.fixture(scope="module", params=["T1", "T3", "random:6,4,1"])
def setting(request):
    task = parse_task(request.param)
    basis = make_basis(task.size, task.size + 12, "skew", seed=1, tilt=0.4)
    system = as_system(construct_elman(task, basis, complement=0.5))
    sample = sample_states(system, task, count=128, correct=True)
    return task, system, recover_basis(system, task, "regression", sample), sample


@pytest.mark.parametrize("content", ["read", "theory"])
def test_every_interchange_is_exact(setting, content):
    task, system, basis, sample = setting
    for column in range(task.history):
        done = interchange_variable(system, basis, sample, column, step=9, content=content)
        assert np.abs(done.done - done.predicted).max() < 1e-6
        assert done.unchanged == done.changed == 1
        # A column of which f reads something must change something.
        assert done.must_change.any() == (column in {place // task.dim for place in basis.coordinates})


@pytest.mark.parametrize("content", ["read", "theory"])
def test_written_contents_are_read_back(setting, content):
    task, system, basis, sample = setting
    columns, contents = [task.history - 1, task.history - 2], np.where(np.arange(2 * task.dim) % 3, 1.0, -1.0)
    if task.name.startswith("random"):
        # Two of the written components have become one memory by then, which cannot hold both.
        with pytest.raises(UserError, match="copies of one another"):
            write_variable(system, basis, sample, columns, contents.reshape(2, -1), step=9)
        columns, contents = columns[:1], contents[: task.dim]
    contents = contents.reshape(len(columns), -1)
    done = write_variable(system, basis, sample, columns, contents, step=9, steps=20, content=content)
    assert np.abs(done.done - done.predicted).max() < 1e-6 and done.changed == done.unchanged == 1
    silent = write_variable(system, basis, sample, task.history - 1, np.zeros(task.dim), step=4)
    assert np.abs(silent.done - silent.predicted).max() < 1e-6 and silent.changed == silent.unchanged == 1


def test_a_wrong_basis_fails(setting):
    task, system, basis, sample = setting
    mixed = basis.basis @ np.linalg.qr(np.random.default_rng(0).standard_normal((basis.rank, basis.rank)))[0]
    wrong = replace(basis, basis=mixed, dual_basis=np.linalg.pinv(mixed))
    shifted = replace(basis, basis=np.roll(basis.basis, 1, 1), dual_basis=np.roll(basis.dual_basis, 1, 0))
    for other in (wrong, shifted):
        found = [interchange_variable(system, other, sample, column, 9) for column in range(task.history)]
        assert min(done.changed for done in found) < 0.9


def test_theory_knows_which_outputs_must_change_and_zeros_written_elsewhere_silence_none_of_them():
    task = make_repeat_copy(4, 2)
    system = as_system(construct_elman(task, make_basis(8)))
    sample = sample_states(system, task, count=64)
    basis = recover_basis(system, task, "regression", sample)
    done = write_variable(system, basis, sample, 0, [5.0, 5.0], 4, 8)
    # Repeat copy: the oldest variable is the next output, and again a lap later; no other output depends on it.
    assert list(np.flatnonzero(done.must_change.any(axis=(1, 2)))) == [0, 4]
    neighbour = replace(basis, basis=np.roll(basis.basis, 2, 1), dual_basis=np.roll(basis.dual_basis, 2, 0))
    silent = [write_variable(system, each, sample, 0, [0.0, 0.0], 4, 8).changed for each in (basis, neighbour)]
    assert silent == [1, 0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"column": 8}, "columns 0 to"), ({"step": 10_000}, "steps after"), ({"content": "guess"}, "read, theory"),
     ({"column": -1}, "column")],
)  # fmt: skip
def test_one_line_errors(setting, wrong, words):
    task, system, basis, sample = setting
    with pytest.raises(UserError, match=words):
        interchange_variable(system, basis, sample, **({"column": 0, "step": 1} | wrong))
    with pytest.raises(UserError, match="contents"):
        write_variable(system, basis, sample, [0, 1], np.ones((1, task.dim)), 2)
