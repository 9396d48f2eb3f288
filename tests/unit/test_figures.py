"""Every figure of the pages: labelled, legible, complete, and showing the data that it was given."""

import csv
import io
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.conftest import refusals
from twm.analysis.analyses import analyse_network
from twm.analysis.decoding import Interval, probe_states
from twm.analysis.recovery import METHODS, sample_states
from twm.analysis.report import Subject, collect_panels, tabulate_analyses
from twm.analysis.systems import as_system
from twm.book.figures import basis_recovery, construction, self_attention, theory, training
from twm.book.figures.style import INK, QUALITATIVE, make_csv
from twm.models.elman import construct_elman
from twm.theory.bases import make_basis
from twm.theory.lattice import euler_advect, simulate_wave
from twm.theory.operators import make_cycle, repeat_copy_spectrum
from twm.theory.pictures import text_to_states
from twm.theory.systems import make_named_task, make_repeat_copy
from twm.training.attention import RatioSummary
from twm.training.tables import StartSummary, summarise_table1

RING, CYCLE, RNG = repeat_copy_spectrum(4, 2), make_cycle(4, 2), np.random.default_rng(0)
FALLING = 0.5 ** np.arange(20, 0, -1)


def make_points(model, accuracies, horizons):
    """One point every ten iterations; ``None`` where there was no test."""
    for n, (accuracy, horizon) in enumerate(zip(accuracies, horizons), 1):
        point = {"model": model, "iteration": 10 * n, "horizon": horizon}
        yield point | {"test_accuracy": accuracy, "test_loss": accuracy}


def make_rows(task, hidden, l2, accuracies, errors):
    fixed = {"task": task, "hidden": hidden, "l2": l2, "rank_network": 36, "threshold": 0.98}
    for seed, (accuracy, error) in enumerate(zip(accuracies, errors)):
        own = {"seed": seed} | dict.fromkeys(("accuracy_best", "accuracy_final"), accuracy)
        yield fixed | own | dict.fromkeys(("argument_error", "argument_error_optimal"), error)


def make_ratio(ratio, low, high):
    return RatioSummary(ratio, low, high, 3, 0, 0, np.full(3, ratio))


def make_start(task, init, iterations, ratio):
    runs = dict(enumerate(iterations))
    return StartSummary(task, init, runs, 5000, ratio and make_ratio(*ratio), 8, [0.1])


# Agrees in both; a dash that agrees and an accuracy that does not; a number where the paper has a dash; one seed.
ROWS = [
    *make_rows("T2", 64, 0.0, (0.99, 1.0, 0.98), (0.006, None, 0.008)),
    *make_rows("T1", 64, 0.0, (0.70, 0.72), (None, None)),
    *make_rows("T1", 64, 0.1, (0.50, 0.51), (0.001, 0.002)),
    *make_rows("T3", 128, 0.0, (0.98,), (0.5,)),
]
CURVES = {
    "staged": [*make_points("a", (None, 0.6, 0.9), (10, 20, 40)), *make_points("b", (0.5, None, 1.0), (10, 10, 20))],
    "none": [*make_points("c", (0.5, 0.55, None), (40, 40, 40))],
}
STARTS = {
    ("T1", "uniform"): make_start("T1", "uniform", [900, None, 1000], None),
    ("T1", "wave"): make_start("T1", "wave", [200, 250, 300], (0.25, 0.2, 0.3)),
    ("T1", "identity"): make_start("T1", "identity", [None, None, None], (np.inf, np.inf, np.inf)),
    ("T2", "uniform"): make_start("T2", "uniform", [2000, 2100, 2200], None),
    ("T2", "wave"): make_start("T2", "wave", [2000, 500, None], (0.9, 0.2, np.inf)),
}
PULSE = np.exp(-0.5 * ((np.arange(50) - 20) / 3) ** 2)
TOKENS = np.arange(1, 5) + np.arange(6)[:, None]
GAINS = {0.5: np.cos(np.linspace(0, np.pi, 5) / 2), 1.0: np.ones(5)}
POINTS = (RNG.standard_normal((12, 2)), np.arange(12) % 7, np.arange(12) < 10)
CLOUDS = {f"{n}": RNG.standard_normal((9, 3)) for n in range(8)}
OPENING = {0: RNG.uniform(0.1, 1, 4), 10: RNG.uniform(0.1, 1, 4), 100: np.ones(4)}
BRIDGE = dict.fromkeys(("accuracy", "r2", "r2_settled", "interventions", "swaps", "elsewhere"), 0.9)

# Every figure of the pages but those of the basis page, which need an analysed network, with small data.
CALLS = {
    "theory.recursions": ({2: np.array([1.0, 1, 2, 3, 5])}, {2: 1.618}, np.full((2, 9), 0.3), np.full(9, 0.4)),
    "theory.courant": ({0.5: PULSE / 2, 1.0: PULSE}, PULSE, [32, 64], {0.5: [0.1, 0.05]}, {0.5: [0.1, 0.05]}, 10),
    "theory.amplification": (np.linspace(0, np.pi, 5), GAINS, GAINS, np.arange(5), GAINS, GAINS),
    "theory.disturbance": (np.eye(36)[7].reshape(3, 4, 3), 2, 1),
    "theory.theorem": (np.array([[1, 1], [3, 2], [3, 2]]), {"right": np.zeros(3), "wrong": np.ones(2)}, 1e-12),
    "theory.blur": ({"a": np.zeros((2, 5, 8)), "b": np.ones((2, 5, 8))}, {"a": [0, 3], "b": [7, 9]}, (1, 4)),
    "construction.fibonacci": (np.array([[1, 1], [1, 2], [2, 3]]), {2: np.array([1, 1, 2, 3, 5])}, {2: 1.618}),
    "construction.duals": (np.eye(2), np.eye(2), {"pseudo-inverse": FALLING, "spectral": np.zeros(20)}, 0.5),
    "construction.errors": ({"square": (np.array([1.0, 10.0]), np.array([0.0, 1e-15]))}, 1e-9),
    "construction.task_operators": ({n: make_cycle(3, 2) for n in "abcd"}, {n: (0, 1, 2) for n in "abcd"}, 2),
    "construction.constructed_spectra": ({"T1": {"wave operator": RING, "network, 64": RING, "network, 128": RING}},),
    "construction.multiplicities": (RING, repeat_copy_spectrum(4, 1)),
    "construction.gains": (np.arange(1, 21), {0.9: FALLING}, {1.1: 1 - FALLING}, {1.1: 0.5}),
    "construction.input_phase": ({"raw": np.ones((8, 3))}, {"T1": np.zeros(5), "T2": np.ones(5)}),
    "construction.zeros": ({"skew": RING}, np.arange(2, 5), np.ones(3), np.ones(3)),
    "self_attention.two_columns": (np.linspace(-5, 5, 41), PULSE[:41], PULSE[:41], (0.4, 1.0)),
    "self_attention.decoder_errors": ({"window": np.zeros(9), "cache": np.full(9, 1e-15)}, np.ones((9, 4)), 1e-9),
    "self_attention.cache": (TOKENS, TOKENS),
    "self_attention.order": (np.ones((3, 2)), RNG.standard_normal((3, 2)), (1.0, -1.0)),
    "self_attention.positional_error": ({5.0: FALLING}, {5.0: FALLING}, {"T1": FALLING[:2]}, np.array([1, 2])),
    "self_attention.paired_training": (
        [100, None, 300], [400, 200, 900], 5000, {"T1": make_ratio(0.5, 0.4, 0.6), "T2": make_ratio(2.0, 0.9, np.inf)}
    ),
    "training.boundaries": ({name: make_named_task(name).matrix for name in ("T1", "T2", "T3")}, 8),
    "training.trained_spectra": ({f"seed {n}": (RING, np.append(1.1 * RING, 0.3 * RING)) for n in range(5)}, 3),
    "training.curves": (CURVES,),
    "training.table1": (summarise_table1(ROWS),),
    "training.ranks": ({"64": [(40, 0.95), (50, 0.99)], "128": []}, 64),
    "training.generalisation": ((1, 10, 100), [("T1", -0.01, (1.0, 0.9, 0.6)), ("T2", 0.1, (1.0, 1.0, 0.99))]),
    "training.pairs": (
        {"T1": ([400, 200, np.nan], [100, 50, 300]), "T2": ([800.0], [np.nan])}, ("none", "adaptive"), "iterations", True
    ),
    "training.fibonacci_training": (
        {"raw inputs": np.full((2, 40), 0.06), "corrected inputs": np.geomspace(1e-4, 1, 40)[None]}, 10, 0.065, 16, 0.1
    ),
    "gradient_bounds.keeping": ({"leaky": np.eye(3), "wave": np.ones((3, 3))},),
    "gradient_bounds.decay": (
        np.arange(20, 0, -1), {0.5: {"linear": FALLING, "tanh": FALLING, "bound": FALLING}},
        {"default": {"measured": FALLING, "radius": FALLING, "norm": 1 / FALLING}},
    ),
    "gradient_bounds.wave_gradients": (
        np.array([2, 4, 8]), {"skew": np.array([0, 1e-16, 1e-14])}, np.array([2, 4]), {"spread": (FALLING[:2], FALLING[:2])},
        FALLING[:2],
    ),
    "gradient_bounds.opening": ({"T1": OPENING, "T2": OPENING}, *[{"T1": dict(zip(OPENING, (0, 0.5, 1))), "T2": dict(zip(OPENING, (0, 0.5, 1)))}] * 2),
    "gradient_bounds.reach": (np.arange(1, 9), {"closed": np.ones(8), "open": np.repeat([1.0, 0.0], 4)}, 4),
    "gradient_bounds.tightness": ({k: dict.fromkeys(("norm of Psi", "d"), (0.1, 0.5, 1.0)) for k in ("linear", "tanh")},),
    "gradient_bounds.starts": (STARTS,),
    "gradient_bounds.spectra_in_training": ({"uniform": (RING, 2 * RING)}, RING),
    "wave_rnn.ring": ({"a": np.eye(4), "b": CYCLE[:4, :4]}, {"a": np.ones((9, 4)), "b": np.ones((9, 4))}),
    "wave_rnn.onsets": (np.eye(9)[:, :3], {"a": np.ones((3, 7))}),
    "wave_rnn.activity": ({"a": (RNG.uniform(size=(8, 6)), RNG.uniform(size=(8, 6)))},),
    "wave_rnn.losses": ({"copy": CURVES},),
    "wave_rnn.recall": ({"wRNN": (np.arange(9), np.zeros(9))},),
    "wave_rnn.accuracy": ({"digits": {"LSTM": CURVES["none"], "wRNN": CURVES["staged"]}}, 10),
    "wave_rnn.parameters": ({"wRNN": [(200, 90.0), (100, 80.0)], "GRU": [(300, 70.0)]},),
    "wave_rnn.ablation": ({"wRNN": {10: 0.1, 20: 0.2}, "iRNN": {10: 0.3}},),
    "wave_rnn.speeds": ({"wRNN": [0.9, 1.1], "iRNN": [0.5]},),
    "wave_rnn.emergence": ({"wave": [(0, 0.1), (10, 0.9)], "identity": [(0, 0.1), (10, 0.2)]},),
    "wave_rnn.bridge": ({("wRNN", 0): BRIDGE, ("LSTM", 0): BRIDGE | {"r2": -3.0}},),
    "episodic_memory.reduction": (FALLING, {"limit": FALLING, "slow": FALLING**2}, FALLING, FALLING, (FALLING, FALLING)),
    "episodic_memory.conjugacy": ([0.5, 1.0], {"tanh": np.zeros((2, 2)), "relu": np.ones((2, 2))}),
    "episodic_memory.families": ([RING] * 3, [CYCLE] * 3),
    "episodic_memory.mechanisms": (*(RNG.integers(-3, 4, (4, 5)) for _ in range(3)), RNG.integers(-3, 4, 5)),
    "episodic_memory.machine": (np.ones((9, 8)), np.ones((9, 8)), np.ones((9, 20)), 4),
    "episodic_memory.trained_variables": (CYCLE, np.zeros((20, 8)), RING, RING, np.ones((9, 20)), np.ones((9, 8)), 4),
    "flip_flop.task": (np.zeros((9, 3)), {"a": np.ones((9, 3)), "b": np.ones((9, 3))}, {"a": np.ones((9, 3)), "b": np.ones((9, 3))}),
    "flip_flop.cubes": ({"a": (CLOUDS, {"path": np.ones((5, 3))}), "b": (CLOUDS, {})},),
    "flip_flop.resting": ({"a": np.ones(8), "b": np.ones(8)}, ["+++"] * 8, np.ones((9, 2)), np.ones((9, 3)), ("x", "y")),
    "flip_flop.points": ({"a": POINTS, "b": POINTS}, {"a": [[8, 12, 6, 1]] * 2, "b": []}),
    "flip_flop.flip_flop_spectra": ({"a": [RING], "b": [RING * 1.3] * 3},),
    "flip_flop.switch": ({"a": np.ones((24, 9)), "b": np.ones((24, 5))}, np.ones((24, 3)), 4, 8),
    "flip_flop.delays": ({"a": [np.arange(3)] * 3, "b": [np.arange(3)] * 3},),
    "wave_or_register.decodings": ({"a": probe_states(np.random.default_rng(0).random((3, 20, 2)), np.eye(20)[:, :1], 10)},),
    "wave_or_register.movements": ({"a": {"few": [Interval(0.5, 0.4, 0.6), Interval(None, None, None)]}},),
    "flip_flop.delay_line": ({"a": np.ones((3, 9)), "b": np.full((3, 8), np.nan)},),
    "any_rule.rule_accuracies": ({"a": [0.5, 1.0], "b": [1.0]}, [False, True]),
    "any_rule.by_column": ({"a": {"c": np.ones((2, 3)), "d": np.full((1, 3), 0.5)}, "b": {"c": np.ones((2, 3))}}, "share", 0.95),
    "any_rule.products": ({"a": [1.0, np.nan], "b": [0.1, 0.5]}, np.eye(3, 5), np.eye(3, 5)),
    "front_page.moments": (np.sign(RNG.standard_normal((9, 16, 5))), [2, 7]),
    "front_page.card": ("A book",),
    "front_page.explorer": (np.ones((8, 5)), np.ones(40), np.ones((8, 5)), np.ones((9, 5))),
}  # fmt: skip


@pytest.fixture(scope="module")
def setting():
    task = make_repeat_copy(4, 3)
    network = construct_elman(task, make_basis(12, 40, "orthonormal", seed=0), "tanh", gain=1.05)
    subject = Subject("constructed", as_system(network), task)
    found = analyse_network(subject.system, subject.task, steps=(0, 1, 2), count=64)
    return subject, found, sample_states(subject.system, subject.task, 16, 20)


@pytest.fixture(scope="module")
def drawn(setting):
    subject, found, sample = setting
    own, scan = found.bases["regression"], {"relative_error": np.ones(3), "encoding_r2": np.ones(3)}
    run = np.concatenate([sample.early[:, 0], sample.states[:, 0]])
    rows = tabulate_analyses([subject], [found])
    calls = CALLS | {
        "basis_recovery.analysis": (found,),
        "basis_recovery.waves": (run, own.read_waves(run), 4, 3),
        "basis_recovery.methods": (rows, METHODS, [subject.task.name]),
        "basis_recovery.operators": ({"a": found.figures["regression"]}, {"a": own}, 3),
        "basis_recovery.mixture": (np.linspace(0, 1, 3), {"a": scan}),
        "basis_recovery.jacobians": ({"a": found.spectrum, "b": found.spectrum},),
        "basis_recovery.decomposition": tuple(collect_panels(subject, found).values()),
        "basis_recovery.reading_errors": ({"a": 0.5 ** np.arange(24)}, 4),
        "basis_recovery.strengths": ([0.9, 1.1], {"standard": {"recall": [0.5, 1.0], "amplitude": [0.0, 1.0]}}, 20),
        "basis_recovery.edit": (np.ones((9, 3)), np.ones((9, 3)), -np.ones((9, 3)), 5),
        "basis_recovery.intervention_steps": ({"a": {"way": np.ones(3)}}, [1, 4, 9]),
    }
    before = plt.get_fignums()
    figures = {}
    for name, arguments in calls.items():
        page, name = name.split(".")
        figures[name] = getattr(import_module(f"twm.book.figures.{page}"), f"plot_{name}")(*arguments)
        figures[name].canvas.draw()
    assert plt.get_fignums() == before, "pyplot would draw these figures a second time"
    return figures


def get_lines(axes, marker=None, colour=None):
    lines = [line for line in axes.get_lines() if line.get_transform() == axes.transData]
    lines = [line for line in lines if marker is None or line.get_marker() == marker]
    return [line for line in lines if colour is None or colour in (line.get_color(), line.get_markeredgecolor())]


def get_values(lines, coordinate="x"):
    return sorted(float(value) for line in lines for value in getattr(line, f"get_{coordinate}data")())


def get_legend(holder):
    legends = holder.legends if hasattr(holder, "legends") else [holder.get_legend()]
    return [text.get_text() for legend in legends if legend for text in legend.get_texts()]


def get_texts(axes):
    return [text.get_text() for text in axes.texts]


def list_names():
    """List every figure that the pages can draw, as page.figure."""
    for path in sorted(Path(theory.__file__).parent.glob("[a-z]*.py")):
        module = import_module(f"twm.book.figures.{path.stem}")
        names = [name for name, own in vars(module).items() if getattr(own, "__module__", "") == module.__name__]
        yield from (f"{path.stem}.{name[5:]}" for name in names if name.startswith("plot_") and path.stem != "style")


@pytest.mark.parametrize("name", list_names())
def test_a_figure_is_white_labelled_finite_and_carries_its_data(drawn, name):
    figure = drawn[name.split(".")[1]]
    panels = [axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"]
    legends = {text for holder in (figure, *figure.axes) for text in get_legend(holder)}
    assert figure.get_facecolor() == (1, 1, 1, 1) or name == "front_page.card"
    for axis, span in (("x", "colspan"), ("y", "rowspan")):
        # Panels one above the other, or side by side, need a label once; names at the ticks are one too.
        words = dict.fromkeys((getattr(axes.get_subplotspec(), span).start for axes in panels), "")
        for axes in panels:
            ticks = "".join(text.get_text() for text in getattr(axes, f"get_{axis}ticklabels")())
            letters = "".join(filter(str.isalpha, ticks.replace("mathdefault", "")))
            words[getattr(axes.get_subplotspec(), span).start] += getattr(axes, f"get_{axis}label")() + letters
        assert all(words.values()) or getattr(figure, f"get_sup{axis}label")(), f"no label: {axis}, {words}"
    for axes in panels:
        limits = [*axes.get_xlim(), *axes.get_ylim()]
        assert axes.get_facecolor() == (1, 1, 1, 1) and np.isfinite(limits).all()
        labels = set(axes.get_legend_handles_labels()[1])
        assert labels <= legends or len(labels) < 2, f"{labels - legends} are not in a legend"
    marks = [row for row in csv.DictReader(io.StringIO(make_csv(figure))) if row["kind"] != "panel"]
    assert marks and all(row["values"] or (row["x"] and row["y"]) for row in marks)


def test_theory_figures_show_what_was_given(drawn):
    counts, errors = drawn["theorem"].axes[:2]
    assert (counts.images[0].get_array() == [[1, 0, 0], [0, 0, 2]]).all()
    assert 0 < errors.lines[0].get_ydata().max() < 1e-16, "an exact zero needs a place on a logarithmic axis"
    titles = [axes.get_title("left") or axes.get_title() for axes in drawn["blur"].axes]
    assert titles == ["after 1 period: 0 wrong", "after 4 periods: 3 wrong", "7 wrong", "9 wrong"]
    disturbed = drawn["disturbance"].axes[1]
    assert disturbed.images[0].get_clim() == (-1, 1) and disturbed.lines[0].get_xydata().tolist() == [[2, 0]]
    lines = {line.get_label(): line for line in drawn["errors"].axes[0].get_lines()}
    tolerance = next(line for label, line in lines.items() if label.startswith("tolerance"))
    assert np.allclose(tolerance.get_ydata() / tolerance.get_xdata(), 1e-9) and min(lines["square"].get_ydata()) > 0
    assert get_texts(drawn["multiplicities"].axes[0]) == ["2"] * 4
    assert len(drawn["task_operators"].axes[0].patches) == 3, "what no output depends on is grey"


def test_paired_runs_are_all_shown_and_the_missing_are_hollow(drawn):
    left, right = drawn["paired_training"].axes
    pairs = [list(line.get_ydata()) for line in left.get_lines() if len(line.get_xdata()) == 2]
    assert pairs == [[400, 100], [200, 5000], [900, 300]]
    assert sum(line.get_markerfacecolor() == "white" for line in left.get_lines()) == 1
    assert [label.get_text() for label in right.get_yticklabels()] == ["T2 (n = 3)", "T1 (n = 3)"]
    first, second = drawn["pairs"].axes
    joins = [list(line.get_ydata()) for line in first.get_lines() if len(line.get_xdata()) == 2]
    assert joins[:2] == [[400, 100], [200, 50]] and joins[2][1] == 300 and joins[2][0] > 800
    for axes, missing in ((first, 0), (second, 1)):
        (hollow,) = [line for line in get_lines(axes) if line.get_markerfacecolor() == "none"]
        assert hollow.get_xdata()[0] == missing and 800 < hollow.get_ydata()[0] < axes.get_ylim()[1]
    gap = training.plot_pairs({"T1": ([2000.0, 300.0], [400.0, None])}, ("a", "b"), "iterations", log=True)
    assert [len(line.get_xdata()) for line in gap.axes[0].get_lines() if line.get_linestyle() == "-"] == [2, 1]


def test_boundaries_show_every_entry_by_its_sign(drawn):
    for axes, name in zip(drawn["boundaries"].axes, ("T1", "T2", "T3"), strict=True):
        shown = np.zeros((8, 64))
        for line, sign in zip(get_lines(axes), (1, -1), strict=True):
            shown[line.get_ydata(), line.get_xdata()] = sign
        assert (shown == make_named_task(name).matrix).all(), name


def test_eigenvalues_beyond_the_panel_are_drawn_on_its_edge_at_their_angle():
    values = np.array([5 * np.exp(0.7j), 1.0, 0.95, 0.0])
    (axes,) = training.plot_trained_spectra({"far": (np.ones(1), values)}, reach=1.35, threshold=0.97).axes
    _, slow, rest = axes.get_lines()
    assert np.allclose(slow.get_xdata() + 1j * slow.get_ydata(), [1.35 * np.exp(0.7j), 1.0])
    assert np.allclose(rest.get_xdata(), [0.95, 0.0]) and axes.get_xlim()[1] > 1.35


def test_curves_have_a_line_a_model_and_skip_points_without_a_test(drawn):
    above, below = drawn["curves"].axes
    assert [list(line.get_xdata()) for line in above.get_lines()] == [[20, 30], [10, 30], [10, 20]]
    assert [list(line.get_ydata()) for line in below.get_lines()] == [[10, 20, 40], [10, 10, 20], [40, 40, 40]]
    looks = [(line.get_color(), line.get_linestyle()) for line in above.get_lines()]
    assert looks[0] == looks[1] and looks[0][0] != looks[2][0] and looks[0][1] != looks[2][1]
    assert get_legend(above) == ["staged", "none"]
    assert [len(axes.get_lines()) for axes in training.plot_curves(CURVES, share_axis=False).axes] == [2, 1, 2, 1]
    assert get_values(drawn["accuracy"].axes[0].get_lines(), "y")[-1] == 100
    assert get_legend(drawn["accuracy"]) == ["wRNN", "LSTM"], "always in the paper's order"


def test_table1_shows_the_paper_every_seed_and_what_agrees(drawn):
    left, right = drawn["table1"].axes
    cells = summarise_table1(ROWS)
    assert get_values(get_lines(left, "D", INK)) == sorted(cell.paper_accuracy for cell in cells)
    assert get_values(get_lines(left, "|")) == sorted(row["accuracy_best"] for row in ROWS)
    undefined = max(get_values(get_lines(right, "D", INK)))
    assert len(get_values(get_lines(right, "|"))) == len(ROWS) and undefined < right.get_xlim()[1]
    assert undefined > max(cell.paper_error or 0 for cell in cells), "a dash stands apart from all numbers"
    for axes, dots, squares in ((left, [0.505, 0.98, 0.99], [0.71]), (right, [0.007], [0.0015, 0.5])):
        assert get_values(get_lines(axes, "o", QUALITATIVE[2])) == pytest.approx(dots)
        assert get_values(get_lines(axes, "s", QUALITATIVE[1])) == pytest.approx(squares)
    assert get_texts(right) == ["1/1", "2/3", "2/2", "0/2"], "from below"


def test_starts_show_every_network_and_share_their_ranges(drawn):
    axes = drawn["starts"].axes
    dots = get_lines(axes[0], "o")
    assert get_values(dots) == [200, 250, 300, 900, 1000, 5000, 5000, 5000, 5000]
    assert sum(line.get_markerfacecolor() == "white" for line in dots) == 4
    assert get_texts(axes[1]) == ["most never reach 99%"]
    assert axes[0].get_xlim() == axes[2].get_xlim() and axes[1].get_xlim() == axes[3].get_xlim()
    # Before the first iteration has no place on a logarithmic axis and is drawn at one.
    assert [list(line.get_xdata()) for line in get_lines(drawn["opening"].axes[1])] == [[1, 10, 100]] * 2


def test_figures_write_their_numbers_and_bounds(drawn):
    assert get_texts(drawn["points"].axes[2]) == ["8", "12", "6", "1"] * 2
    shares = drawn["delay_line"].axes
    assert get_texts(shares[0]) == ["1"] * 27 and not shares[1].texts
    assert {*get_texts(drawn["trained_variables"].axes[1])} == {"2"}, "two in each direction"
    assert min(get_values(drawn["bridge"].axes[0].get_lines())) == -0.05
    assert [axes.get_title(loc="left") for axes in drawn["moments"].axes] == ["step 2", "step 7"]
    # Between the last step that can be right and the first that cannot; and what raw inputs leave, and what is right.
    guides = {line.get_xdata()[0] for line in drawn["fibonacci_training"].axes[0].get_lines()}
    guides |= {line.get_ydata()[0] for line in drawn["fibonacci_training"].axes[0].get_lines()}
    assert {16.5, 0.065, 0.1} <= guides


def test_the_operator_in_both_bases_keeps_its_spectrum_and_shows_the_wave(setting):
    subject, found, _ = setting
    operator = collect_panels(subject, found)["operator"]
    slow = np.sort(np.abs(np.linalg.eigvals(operator)))[-12:]
    assert np.allclose(slow, np.sort(np.abs(np.linalg.eigvals(subject.system.recurrent)))[-12:])
    assert np.array_equal(np.abs(operator[:12, :12]) > 0.5, np.abs(found.figures["regression"].theory) > 0.5)


def test_one_content_is_framed_wherever_the_wave_has_it_and_an_edit_shows_what_changed(setting, drawn):
    _, found, sample = setting
    own, history, dim = found.bases["regression"], 4, 3
    read = own.read_waves(np.concatenate([sample.early[:, 0], sample.states[:, 0]]))
    frames = drawn["waves"].axes[1].patches
    assert len(frames) == len(read) - 2 > history
    given = sample.states[0, 0] @ own.dual_basis[2 * dim : 3 * dim].T
    for frame in frames[2:]:
        step, row = round(frame.get_x() + 0.5), round(frame.get_y() + 0.5)
        assert np.array_equal(np.sign(read[step, row : row + dim]), np.sign(given)), step
    edited = np.ones((6, 2))
    edited[3, 1] = -1
    strip = basis_recovery.plot_edit(np.ones((4, 2)), np.ones((6, 2)), edited, 1).axes[2].images[0].get_array()
    assert (strip != 0).sum() == 1 and strip[1, 7] == -1


def test_animations_show_what_was_given():
    picture = text_to_states("31")
    trajectory = simulate_wave(np.zeros((8, 5)), make_repeat_copy(8, 5).boundary, 20, picture)
    substrate, entered = theory.animate_lattice(trajectory, 8, "31", "the digits move to the left").panels
    assert (substrate.values[8] == picture.T).all() and (entered.values[20][:, 8:16] == picture.T).all()
    assert not entered.values[3][:, 3:].any() and entered.values[3][:, :3].any()
    orbit = euler_advect(np.eye(16)[8], 1.0, 4, "periodic")
    (panel,) = theory.animate_pulse({0.5: orbit, 1.0: orbit}, np.arange(5), "pulse", "a pulse moves").panels
    assert (panel.values[:, 1] == orbit).all() and panel.row_names == ("c = 0.5", "c = 1")
    states, waves = RNG.standard_normal((5, 12)), RNG.standard_normal((5, 4, 3))
    neurons, wave = construction.animate_hidden_shift(states, waves, list("abcde"), rows=3).panels
    assert (neurons.values.reshape(5, 12) == states).all() and (wave.values[2] == waves[2].T).all()
    weights = RNG.dirichlet(np.ones(4), (5, 2))
    animation = self_attention.make_attention_animation(waves, weights)
    assert (animation.panels[1].values == weights).all()
    assert f"column {weights[0, 1].argmax() + 1} " in animation.captions[0].split("head 2")[1]


test_data_that_does_not_fit_is_refused = refusals(
    (lambda: construction.animate_hidden_shift(np.ones((5, 12)), np.ones((5, 4, 3)), "abcde", 5), "do not fill"),
    (lambda: self_attention.plot_paired_training([1], [1, 2], 5, {}), "paired"),
)
