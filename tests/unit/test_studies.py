"""The controls behind the basis page do what they say."""

from dataclasses import replace

import numpy as np
import pytest

from twm.analysis import studies
from twm.analysis.recovery import recover_basis, sample_states
from twm.analysis.report import construct_subject, gather_subject
from twm.training.plans import ModelPlan


def test_power_errors_hold_as_corrected_and_fail_as_printed():
    found = studies.measure_power_errors(10, 0)
    assert max(found["first"], found["second"], found["repeat_copy"]) < 1e-12 and found["second_printed"] > 1e-3


def test_linearisations_agree_with_automatic_differentiation():
    found = studies.measure_linearisations(studies.sample_networks(0, 2, 12, 3), 0)
    assert max(found["at_rest"], found["at_fixed_points"]) < 1e-12
    assert found["distance"] > 0.01 and 80 < found["order"] < 120


def test_strengths_keep_signs_above_one_and_fade_below():
    found = studies.measure_strengths([0.8, 1.2], ("standard",), 100, 0, 4, 2, 16)["standard"]
    # tanh(1.2 a) = a
    assert found["recall"][1] == 1 and found["amplitude"] == pytest.approx([0, 0.6586], abs=1e-3)


def test_reading_errors_start_with_the_first_input():
    subject = construct_subject(4, 2, 8, 1.0, 0)
    linear = replace(subject.system, nonlinearity="linear")
    sample = sample_states(linear, subject.task, 32, 12)
    recovered = recover_basis(linear, subject.task, "regression", sample)
    assert np.abs(studies.trace_errors(recovered, sample)).max() < 1e-20
    errors = studies.trace_errors(replace(recovered, dual_basis=np.roll(recovered.dual_basis, 2, axis=0)), sample)
    # Read one variable off, the first input is seen in the wrong place: two of eight numbers, twice.
    assert errors.shape == (3 + 13,) and errors[0] == pytest.approx(0.5)


def test_variables_that_answer_are_counted():
    subject = construct_subject(4, 2, 24, 1.05, 0)
    found = studies.count_answers(subject.system, subject.task, count=32)
    assert found["known"] == found["read"] == 1 and found["kept"] > 0.99
    # Without its last readout row no output of that component follows, and every variable has one.
    deaf = replace(subject.system, readout=subject.system.readout * [[1.0], [0.0]])
    shares = [studies.count_answers(deaf, subject.task, level, count=32)["known"] for level in (0.9, 0.4)]
    assert shares == [0, 1]


def test_the_best_neuron_is_found_where_there_is_one():
    subject = construct_subject(3, 2, 6, 1.2, 0)
    sample = sample_states(subject.system, subject.task, 64, 9)
    assert (studies.find_best_neurons(sample) < 0.95).all()
    plain = np.concatenate([sample.waves, np.zeros((*sample.waves.shape[:2], 1))], axis=2)
    assert (studies.find_best_neurons(replace(sample, states=plain)) > 1 - 1e-6).all()


def test_networks_are_taken_from_the_records_or_trained(clone):
    tests = {"horizons": (4,), "test_every": 10, "test_count": 4, "test_horizon": 6, "multiples": (1,)}
    plan = ModelPlan("repeat-copy:2,1", hidden=8, iterations=20, **tests)
    assert gather_subject(plan, reuse=True) is None
    trained, again = (gather_subject(plan, reuse=False) for _ in range(2))
    assert trained.system.hidden == 8 and trained.task.name == "repeat-copy:2,1" and trained.configuration["seed"] == 0
    assert np.array_equal(again.system.recurrent, trained.system.recurrent)
