"""Structure of the basis page's figures, and the data behind them."""

import numpy as np
import pytest
from twm.analysis import studies
from twm.analysis.recovery import METHODS, sample_states
from twm.analysis.report import analyse_network, construct_subject, tabulate_analyses
from twm.book.figures import basis_recovery as figures
from twm.book.figures.basis_recovery import plot_analysis
from twm.errors import UserError


@pytest.fixture(scope="module")
def setting():
    subject = construct_subject(4, 3, 40, 1.05, 0)
    found = analyse_network(subject.system, subject.task, steps=(0, 1, 2), count=64)
    sample = sample_states(subject.system, subject.task, 16, 20)
    return subject, found, sample


@pytest.fixture(scope="module")
def drawn(setting):
    subject, found, sample = setting
    basis = found.bases["regression"]
    run = np.concatenate([sample.early[:, 0], sample.states[:, 0]])
    rows = tabulate_analyses([subject], [found])
    strengths = studies.measure_strengths([0.9, 1.1], ("standard",), 20, 0, 4, 2, 16)
    alphas = np.linspace(0, 1, 3)
    scan = studies.scan_mixture(subject.system, subject.task, sample, alphas)
    outputs = np.sign(np.random.default_rng(0).standard_normal((9, 3)))
    return {
        "analysis": plot_analysis(found),
        "waves": figures.plot_waves(run, basis.read_waves(run), 4, 3),
        "methods": figures.plot_methods(rows, METHODS, [subject.task.name]),
        "operators": figures.plot_operators({"a": found.figures["regression"]}, {"a": basis}, 3),
        "mixture": figures.plot_mixture(alphas, {"a": scan}),
        "jacobians": figures.plot_jacobians({"a": found.spectrum, "b": found.spectrum}),
        "decomposition": figures.plot_decomposition(**studies.collect_panels(subject, found)),
        "errors": figures.plot_reading_errors({"a": studies.trace_errors(basis, sample)}, 4),
        "strengths": figures.plot_strengths([0.9, 1.1], strengths, 20),
        "edit": figures.plot_edit(outputs, outputs, -outputs, 5),
        "steps": figures.plot_intervention_steps({"a": {"way": np.ones(3)}}, [0, 1, 4]),
        "answers": figures.plot_answers([row for row in rows if row["method"] == "regression"]),
    }


def test_every_axes_is_labelled_and_finite(drawn):
    for name, figure in drawn.items():
        figure.canvas.draw()
        assert tuple(figure.get_facecolor()) == (1.0, 1.0, 1.0, 1.0), name
        for axes in figure.axes:
            assert axes.get_xlabel() or axes.get_title() or axes.get_ylabel(), name
            assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all(), name


def test_the_operator_in_both_bases_keeps_its_spectrum_and_shows_the_wave(setting):
    subject, found, _ = setting
    panels = studies.collect_panels(subject, found)
    operator = panels["operator"]
    assert panels["states"].shape == (4 + 8, 40) and panels["waves"].shape == (4 + 8, 12)
    slow = np.sort(np.abs(np.linalg.eigvals(operator)))[-12:]
    assert np.allclose(slow, np.sort(np.abs(np.linalg.eigvals(subject.system.recurrent)))[-12:])
    assert np.array_equal(np.abs(operator[:12, :12]) > 0.5, np.abs(found.figures["regression"].theory) > 0.5)


def test_the_edit_shows_only_what_changed():
    before, after = np.ones((4, 2)), np.ones((6, 2))
    edited = after.copy()
    edited[3, 1] = -1
    figure = figures.plot_edit(before, after, edited, step=1)
    strip = figure.axes[2].get_images()[0].get_array()
    assert (np.asarray(strip) != 0).sum() == 1 and strip[1, 7] == -1


def test_one_content_is_framed_wherever_the_wave_has_it(setting):
    subject, found, sample = setting
    basis, history, dim = found.bases["regression"], 4, 3
    run = np.concatenate([sample.early[:, 0], sample.states[:, 0]])
    read = basis.read_waves(run)
    frames = figures.plot_waves(run, read, history, dim).axes[1].patches
    assert len(frames) == len(run) - 2
    given = sample.states[0, 0] @ basis.dual_basis[2 * dim : 3 * dim].T
    for frame in frames[2:]:
        step, row = round(frame.get_x() + 0.5), round(frame.get_y() + 0.5)
        assert np.array_equal(np.sign(read[step, row : row + dim]), np.sign(given)), step


def test_answers_are_told_apart_by_rightness_and_by_the_number_of_directions():
    rows = [
        {"accuracy": accuracy, "rank_network": rank, "rank_theory": "36"}
        | dict.fromkeys(("own_changed", "changed"), "1")
        for accuracy, rank in (("1.0", "36"), ("1.0", "30"), ("1.0", "40"), ("0.9", "30"))
    ]
    right = figures.plot_answers(rows).axes[1]
    found = {line.get_label(): list(line.get_xdata()) for line in right.lines[:4]}
    assert found == {
        "right, theory's number": [1.0],
        "right, fewer": [30 / 36],
        "right, more": [40 / 36],
        "not right": [30 / 36],
    }


def test_misshapen_data_gets_one_line():
    with pytest.raises(UserError, match="side by side"):
        figures.plot_waves(np.zeros((3, 4)), np.zeros((4, 4)), 2, 2)
    with pytest.raises(UserError, match="shapes differ"):
        figures.plot_edit(np.zeros((3, 2)), np.zeros((4, 2)), np.zeros((5, 2)), 1)
