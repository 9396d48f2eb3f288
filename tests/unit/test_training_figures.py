"""Structure of the training page's figures, and the data behind them."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from twm.book.figures import training as figures
from twm.book.figures.style import INK, QUALITATIVE
from twm.theory.systems import make_named_task
from twm.training.tables import summarise_table1

AGREES, APART = QUALITATIVE[2], QUALITATIVE[1]


def make_points(model, accuracies, horizons):
    """One point every ten iterations; ``None`` where there was no test."""
    return [
        {"model": model, "iteration": 10 * number, "horizon": horizon, "test_accuracy": accuracy}
        for number, (accuracy, horizon) in enumerate(zip(accuracies, horizons), 1)
    ]


def make_rows(task, hidden, l2, accuracies, errors):
    return [
        {
            "task": task, "hidden": hidden, "l2": l2, "seed": seed, "accuracy_best": accuracy, "accuracy_final": accuracy,
            "argument_error": error, "argument_error_optimal": error, "rank_network": 36,
            "threshold": 0.98,
        }
        for seed, (accuracy, error) in enumerate(zip(accuracies, errors))
    ]  # fmt: skip


ROWS = [
    # Agrees in both; a dash that agrees and an accuracy that does not; a number where the paper has a dash; one seed.
    *make_rows("T2", 64, 0.0, (0.99, 1.0, 0.98), (0.006, None, 0.008)),
    *make_rows("T1", 64, 0.0, (0.70, 0.72), (None, None)),
    *make_rows("T1", 64, 0.1, (0.50, 0.51), (0.001, 0.002)),
    *make_rows("T3", 128, 0.0, (0.98,), (0.5,)),
]
CURVES = {
    "staged": make_points("a", (None, 0.6, 0.9), (10, 20, 40)) + make_points("b", (0.5, None, 1.0), (10, 10, 20)),
    "none": make_points("c", (0.5, 0.55, None), (40, 40, 40)),
}
PAIRS = {"T1": ([400, 200, np.nan], [100, 50, 300]), "T2": ([800.0], [np.nan])}


def draw_all():
    tasks = {name: make_named_task(name).matrix for name in ("T1", "T2", "T3")}
    ring = np.exp(2j * np.pi * np.arange(5) / 5)
    inner = np.append(1.1 * ring, 0.3 * ring)
    return {
        "boundaries": figures.plot_boundaries(tasks, 8),
        "spectra": figures.plot_trained_spectra({f"seed {n}": (ring, inner) for n in range(5)}, columns=3),
        "curves": figures.plot_curves(CURVES),
        "apart": figures.plot_curves(CURVES, share_axis=False),
        "tests": figures.plot_curves(CURVES, horizons=False),
        "table1": figures.plot_table1(summarise_table1(ROWS)),
        "empty table1": figures.plot_table1(summarise_table1([])),
        "ranks": figures.plot_ranks({"64": [(40, 0.95), (50, 0.99)], "128": []}, 64),
        "generalisation": figures.plot_generalisation(
            (1, 10, 100), [("T1", -0.01, (1.0, 0.9, 0.6)), ("T2", 0.1, (1.0, 1.0, 0.99)), ("T1", 0.02, (0.97, 0.8, 0.7))]
        ),
        "pairs": figures.plot_pairs(PAIRS, ("none", "adaptive"), "iterations", log=True),
        "radii": figures.plot_pairs({"8 vectors": ([1.0, 1.1], [1.2, 1.05])}, ("uniform", "Gaussian"), "radius"),
        "fibonacci": figures.plot_fibonacci_training(
            {"raw inputs": np.full((2, 40), 0.06), "corrected inputs": np.geomspace(1e-4, 1, 40)[None]}, 10, 0.065, 16, 0.1
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    before = plt.get_fignums()
    found = draw_all()
    assert plt.get_fignums() == before, "pyplot would draw these figures a second time"
    for figure in found.values():
        figure.canvas.draw()
    return found


def find_marks(panel, marker=None, colour=None):
    return [
        line
        for line in panel.get_lines()
        if line.get_linestyle() == "None"
        and (marker is None or line.get_marker() == marker)
        and (colour is None or to_hex(line.get_markeredgecolor()).upper() == colour.upper())
    ]


def list_points(lines):
    return [(float(x), float(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata())]


def is_hollow(line):
    return line.get_markerfacecolor() == "none"


# ---- all of them


def test_every_figure_is_white_and_its_axes_are_labelled_and_finite(drawn):
    for name, figure in drawn.items():
        assert isinstance(figure, Figure) and tuple(figure.get_facecolor()) == (1.0, 1.0, 1.0, 1.0), name
        for axes in figure.axes:
            assert axes.get_facecolor() == (1.0, 1.0, 1.0, 1.0), name
            limits = [*axes.get_xlim(), *axes.get_ylim()]
            assert np.isfinite(limits).all() and limits[0] != limits[1] and limits[2] != limits[3], name
            named = axes.get_title() or axes.get_title(loc="left") or axes.get_xlabel() or axes.get_ylabel()
            assert named, name


def test_axes_that_share_labels_carry_them_once(drawn):
    labels = {
        "curves": (["", "iteration"], ["right signs in the test", "horizon in training"]),
        "apart": (["", "", "iteration", "iteration"], ["right signs in the test", "", "horizon in training", ""]),
        "pairs": (["", ""], ["iterations", ""]),
        "ranks": (["eigenvalues beyond 0.9"], ["accuracy"]),
        "fibonacci": (["output step"], ["relative error"]),
    }
    for name, (across, up) in labels.items():
        axes = drawn[name].axes
        assert [panel.get_xlabel() for panel in axes] == across, name
        assert [panel.get_ylabel() for panel in axes] == up, name


# ---- one by one


def test_boundaries_show_every_entry_by_its_sign(drawn):
    for panel, name in zip(drawn["boundaries"].axes, ("T1", "T2", "T3"), strict=True):
        matrix = make_named_task(name).matrix
        assert panel.get_ylabel().startswith(name)
        for marker, sign in (("s", 1), ("D", -1)):
            found = {(int(y), int(x)) for x, y in list_points(find_marks(panel, marker))}
            assert found == {tuple(place) for place in np.argwhere(matrix == sign)}, name
        assert [label.get_text() for label in panel.get_xticklabels()] == [str(column) for column in range(1, 9)]
    assert any(find_marks(drawn["boundaries"].axes[2], "D")[0].get_xdata())


def test_spectra_have_a_panel_each_and_leave_no_empty_one(drawn):
    axes = drawn["spectra"].axes
    titles = [panel.get_title() or panel.get_title(loc="left") for panel in axes]
    assert titles == [f"seed {number}" for number in range(5)]
    theory, slow, rest = axes[0].get_lines()
    assert len(theory.get_xdata()) == len(slow.get_xdata()) == len(rest.get_xdata()) == 5
    assert np.allclose(np.hypot(*slow.get_data()), 1.1) and np.allclose(np.hypot(*rest.get_data()), 0.3)
    assert is_hollow(theory) and slow.get_color() == APART and rest.get_color() == QUALITATIVE[0]
    (legend,) = drawn["spectra"].legends
    assert [text.get_text() for text in legend.get_texts()] == ["theory", "network, beyond 0.9", "network, the rest"]


def test_eigenvalues_beyond_the_panel_are_drawn_on_its_edge_at_their_angle():
    values = np.array([5 * np.exp(0.7j), 1.0, 0.95, 0.0])
    figure = figures.plot_trained_spectra({"far": (np.ones(1), values)}, reach=1.35, threshold=0.97)
    _, slow, rest = figure.axes[0].get_lines()
    shown = np.array(slow.get_xdata()) + 1j * np.array(slow.get_ydata())
    assert np.allclose(shown, [1.35 * np.exp(0.7j), 1.0]) and np.allclose(rest.get_xdata(), [0.95, 0.0])
    assert figure.axes[0].get_xlim()[1] > 1.35 and len(figure.axes) == 1


def test_curves_have_a_line_a_model_and_skip_points_without_a_test(drawn):
    above, below = drawn["curves"].axes
    lines = above.get_lines()
    assert [list(line.get_xdata()) for line in lines] == [[20, 30], [10, 30], [10, 20]]
    assert [list(line.get_ydata()) for line in lines] == [[0.6, 0.9], [0.5, 1.0], [0.5, 0.55]]
    # One colour and one entry of the legend a group, whatever the number of its models; never colour alone.
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[0].get_linestyle() == lines[1].get_linestyle() != lines[2].get_linestyle()
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["staged", "none"]
    assert [list(line.get_ydata()) for line in below.get_lines()] == [[10, 20, 40], [10, 10, 20], [40, 40, 40]]
    assert all(line.get_drawstyle() == "steps-post" for line in below.get_lines())
    assert below.get_ylim()[1] > 40 and above.get_xlim() == below.get_xlim()


def test_curves_can_be_apart_and_without_horizons(drawn):
    apart = drawn["apart"].axes
    assert len(apart) == 4 and [len(panel.get_lines()) for panel in apart] == [2, 1, 2, 1]
    assert [panel.get_title() or panel.get_title(loc="left") for panel in apart[:2]] == ["staged", "none"]
    assert apart[2].get_ylim() == apart[3].get_ylim()
    (alone,) = drawn["tests"].axes
    assert alone.get_xlabel() == "iteration" and len(alone.get_lines()) == 3


def test_table1_has_a_line_a_cell_with_the_papers_diamond(drawn):
    left, right = drawn["table1"].axes
    cells = summarise_table1(ROWS)
    names = [" ".join(label.get_text().split()) for label in left.get_yticklabels()]
    assert names == [f"{cell.task} {cell.hidden} {cell.l2:g}" for cell in cells]
    diamonds = sorted(list_points(find_marks(left, "D", INK)), key=lambda point: -point[1])
    assert [x for x, _ in diamonds] == [cell.paper_accuracy for cell in cells]
    diamonds = sorted(list_points(find_marks(right, "D", INK)), key=lambda point: -point[1])
    (undefined,) = {x for (x, _), cell in zip(diamonds, cells, strict=True) if cell.paper_error is None}
    assert all(x == (cell.paper_error or undefined) for (x, _), cell in zip(diamonds, cells))
    # A dash stands apart from all numbers, beyond the line that closes the axis of errors.
    (line,) = [line.get_xdata()[0] for line in right.get_lines() if line.get_linestyle() == "-" and line.get_color() == "#BBBBBB"]  # fmt: skip
    assert max(cell.paper_error or 0 for cell in cells) < line < undefined < right.get_xlim()[1]


def test_table1_marks_agreeing_cells_by_green_dots_and_others_by_squares(drawn):
    left, right = drawn["table1"].axes
    for panel, dots, squares in ((left, [0.505, 0.98, 0.99], [0.71]), (right, [0.007], [0.0015, 0.5])):
        for marker, colour, means in (("o", AGREES, dots), ("s", APART, squares)):
            assert sorted(x for x, _ in list_points(find_marks(panel, marker, colour))) == pytest.approx(means)
        assert not find_marks(panel, "o", APART) and not find_marks(panel, "s", AGREES)


def test_table1_shows_every_seed_and_how_many_have_theorys_rank(drawn):
    left, right = drawn["table1"].axes
    seeds = [x for x, _ in list_points(find_marks(left, "|"))]
    assert sorted(seeds) == sorted(row["accuracy_best"] for row in ROWS)
    undefined = max(x for x, _ in list_points(find_marks(right, "D", INK)))
    found = sorted(x for x, _ in list_points(find_marks(right, "|")))
    assert found == sorted(undefined if row["argument_error"] is None else row["argument_error"] for row in ROWS)
    assert [text.get_text() for text in right.texts] == ["0/2", "2/2", "2/3", "1/1"]
    # Dashes in both agree: green ticks, though there is no mean to mark.
    (dash,) = [line for line in find_marks(right, "|", AGREES) if set(line.get_xdata()) == {undefined}]
    assert len(dash.get_xdata()) == 2
    (legend,) = drawn["table1"].legends
    assert [text.get_text() for text in legend.get_texts()] == ["paper", "ours, agrees", "ours, apart", "a seed"]


def test_table1_without_a_record_is_the_papers(drawn):
    left, right = drawn["empty table1"].axes
    assert len(list_points(find_marks(left))) == len(list_points(find_marks(right))) == 24
    assert not right.texts and not list_points(find_marks(left, "|"))


def test_ranks_have_theorys_line_and_a_marker_a_group(drawn):
    (panel,) = drawn["ranks"].axes
    assert list(panel.get_lines()[0].get_xdata()) == [64, 64]
    assert list_points(find_marks(panel)) == [(40, 0.95), (50, 0.99)]
    low, high = panel.get_xlim()
    assert low < 0 and high > 64
    groups = {line.get_label(): line for line in find_marks(panel)}
    assert groups["64"].get_marker() != groups["128"].get_marker() and is_hollow(groups["128"])


def test_generalisation_pairs_each_margin_with_the_longest_run(drawn):
    left, right = drawn["generalisation"].axes
    assert list_points(find_marks(right)) == [(-0.01, 0.6), (0.1, 0.99), (0.02, 0.7)]
    runs = [line for line in left.get_lines() if list(line.get_xdata()) == [1, 10, 100]]
    assert [list(line.get_ydata()) for line in runs] == [[1.0, 0.9, 0.6], [1.0, 1.0, 0.99], [0.97, 0.8, 0.7]]
    assert runs[0].get_color() == runs[2].get_color() != runs[1].get_color()
    assert "100 horizons" in right.get_ylabel() and list(left.get_xticks()) == [1, 10, 100]
    assert [text.get_text() for text in drawn["generalisation"].legends[0].get_texts()] == ["T1", "T2"]
    assert left.get_xscale() == "log" and left.get_ylim() == right.get_ylim()


def test_pairs_are_joined_and_missing_values_are_hollow_at_the_top(drawn):
    first, second = drawn["pairs"].axes
    assert [panel.get_title() or panel.get_title(loc="left") for panel in (first, second)] == ["T1", "T2"]
    joins = [list(line.get_ydata()) for line in first.get_lines() if len(line.get_xdata()) == 2]
    assert joins[:2] == [[400, 100], [200, 50]] and joins[2][1] == 300 and joins[2][0] > 800
    for panel, missing in ((first, 0), (second, 1)):
        (hollow,) = [line for line in find_marks(panel) if is_hollow(line)]
        ((place, height),) = list_points([hollow])
        # Above every value of every panel, and inside the axes.
        assert place == missing and 800 < height < panel.get_ylim()[1]
    filled = [line for line in find_marks(first) if not is_hollow(line)]
    assert sorted(list_points(filled)) == [(0, 200), (0, 400), (1, 50), (1, 100), (1, 300)]
    assert {line.get_marker() for line in filled if line.get_xdata()[0] == 0} == {"o"}
    assert {line.get_marker() for line in filled if line.get_xdata()[0] == 1} == {"s"}
    assert [label.get_text() for label in first.get_xticklabels()] == ["none", "adaptive"]
    assert first.get_yscale() == "log" and drawn["radii"].axes[0].get_yscale() == "linear"
    assert not any(is_hollow(line) for line in find_marks(drawn["radii"].axes[0]))


def test_pairs_without_any_value_are_all_hollow():
    figure = figures.plot_pairs({"T1": ([math.nan], [math.nan])}, ("a", "b"), "iterations", log=True)
    figure.canvas.draw()
    marks = find_marks(figure.axes[0])
    assert len(marks) == 2 and all(is_hollow(line) for line in marks)
    assert all(np.isfinite(line.get_ydata()).all() for line in marks)


def test_conditions_that_were_not_run_are_left_out_and_the_axis_has_numbers():
    values = ([2000.0, math.nan], [400.0, None], [250.0, 300.0])
    figure = figures.plot_pairs({"T1": values}, ("none", "staged", "adaptive"), "iterations", log=True)
    figure.canvas.draw()
    (panel,) = figure.axes
    lines = [line for line in panel.get_lines() if line.get_linestyle() == "-"]
    assert [list(line.get_xdata()) for line in lines] == [[0, 1, 2], [0, 2]]
    assert sorted(list_points([line for line in find_marks(panel) if not is_hollow(line)])) == [
        (0, 2000), (1, 400), (2, 250), (2, 300),
    ]  # fmt: skip
    low, high = panel.get_ylim()
    shown = [label.get_text() for label in panel.get_yticklabels() if low <= label.get_position()[1] <= high]
    assert {"500", "1,000", "2,000"} <= set(shown)
    assert [text.get_text() for text in panel.texts] == ["never"]


def test_fibonacci_shows_every_network_and_its_three_lines(drawn):
    (panel,) = drawn["fibonacci"].axes
    runs = [line for line in panel.get_lines() if len(line.get_xdata()) == 40]
    assert len(runs) == 3 and list(runs[0].get_xdata()) == list(range(1, 41))
    assert runs[0].get_color() == runs[1].get_color() != runs[2].get_color()
    assert runs[0].get_linestyle() != runs[2].get_linestyle()
    levels = {line.get_ydata()[0] for line in panel.get_lines() if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]}  # fmt: skip
    assert levels == {0.065, 0.1}
    upright = [line.get_xdata()[0] for line in panel.get_lines() if len(set(line.get_xdata())) == 1]
    # Between the last step that can be right and the first that cannot.
    assert upright == [16.5]
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["raw inputs", "corrected inputs"]
    assert panel.get_yscale() == "log" and panel.get_xlim() == (0.5, 40)
