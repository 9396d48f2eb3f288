"""Main paper, App. B: training, and the captions of its figures."""

import numpy as np

from twm.errata.model import Chapter, ErratumResult, compare_errors, report
from twm.theory.systems import make_named_task

CHAPTER = Chapter("twm")


@CHAPTER.add(
    "twm.eq49.lag",
    where="Eq. (49)",
    printed=r"$h(t+1) = \tanh(W_{hh}h(t) + W_{uh}u(t))$, $y(t) = W_r h(t)$",
    corrected=r"$h(t) = \tanh(W_{hh}h(t-1) + W_{uh}u(t))$, $y(t) = W_r h(t)$, which is Eq. 9",
    why=(
        "Moving the state's time but not the output's delays every output by one step: the printed $y(1)$ "
        "has seen no input. With Eq. 49 the output phase of Sec. 4 would begin one step too early."
    ),
    kind="consistency",
)
def check_output_lag() -> ErratumResult:
    """Run the same random network by both equations and compare the outputs. Source: twm Eq. (9), (49)."""
    rng = np.random.default_rng(0)
    w_hh, w_uh, w_r = rng.normal(size=(6, 6)) * 0.5, rng.normal(size=(6, 2)), rng.normal(size=(2, 6))
    u = rng.choice([-1.0, 1.0], size=(10, 2))
    # h[t] is the state at time t; u(1) is u[0]; h(0) = 0. Eq. (49) needs u(0), which does not exist: zero.
    h_9 = h_49 = np.zeros(6)
    y_9, y_49 = [], []
    for t in range(1, len(u) + 1):
        h_9 = np.tanh(w_hh @ h_9 + w_uh @ u[t - 1])
        h_49 = np.tanh(w_hh @ h_49 + w_uh @ (u[t - 2] if t >= 2 else np.zeros(2)))
        y_9.append(w_r @ h_9)
        y_49.append(w_r @ h_49)
    printed, corrected = np.subtract(y_49, y_9), np.subtract(y_49[1:], y_9[:-1])
    return compare_errors(
        np.abs(printed).max(),
        np.abs(corrected).max(),
        "difference of Eq. (49) from Eq. (9): at equal times, then one step later",
    )


@CHAPTER.add(
    "twm.b2.accuracy",
    where="B.2, Curriculum Time Horizon",
    printed=(
        "$L(t)$ is the accuracy of the predictions; the horizon grows when this accuracy falls below "
        r"$\epsilon = 3\cdot10^{-2}$"
    ),
    corrected=r"$L(t)$ is the loss; the horizon grows when the loss falls below $\epsilon$",
    why=("With an accuracy the rule would hold back a perfect network for ever and promote one that is always wrong."),
    kind="consistency",
)
def check_curriculum_measure() -> ErratumResult:
    """Follow the horizon of a perfect network under both readings for 50 iterations. Source: twm B.2."""
    shortest, longest, gamma, epsilon = 10, 100, 1.2, 3e-2

    def final_horizon(measure: float) -> float:
        horizon = shortest
        for _ in range(50):
            horizon = horizon * gamma if measure < epsilon else horizon / gamma
            horizon = min(max(horizon, shortest), longest)
        return horizon

    perfect_accuracy, perfect_loss = 1.0, 0.0
    printed, corrected = final_horizon(perfect_accuracy), final_horizon(perfect_loss)
    return report(
        printed < longest,
        corrected == longest,
        printed,
        corrected,
        "horizon that a perfect network reaches, in steps (greatest: 100)",
    )


@CHAPTER.add(
    "twm.fig7.product",
    where="Fig. 7, caption",
    printed=r"$16\cdot = 5 = 80$ bits",
    corrected=r"$16\cdot 5 = 80$ bits",
    why="A stray equals sign between the factors.",
    kind="arithmetic",
)
def check_product() -> ErratumResult:
    """Evaluate both lines. Source: twm Fig. 7."""
    vectors, dims, bits = 16, 5, 80
    printed, corrected = vectors == dims == bits, vectors * dims == bits
    return report(
        not printed, corrected, abs(vectors - bits), abs(vectors * dims - bits), "difference of the left side from 80"
    )


@CHAPTER.add(
    "twm.fig9.name",
    where="Fig. 9, with B.2 and Table 2",
    printed=r"compose copy is $\mathcal T_2$ (B.2, Table 2), and $\mathcal T_3$ (Fig. 9)",
    corrected=(
        r"$\mathcal T_2$, the task that copies one component of every variable; $\mathcal T_3$ permutes and "
        "negates them"
    ),
    why=("The two tasks read the same components but have different operators, so one name cannot stand for both."),
    kind="consistency",
)
def check_task_name() -> ErratumResult:
    """Compare the operators of the two tasks. Source: twm Table 1, Fig. 9; the tasks' codes are the companion code's."""
    t2, t3 = (make_named_task(name).matrix for name in ("T2", "T3"))
    reads_the_same = np.array_equal(np.abs(t2).sum(axis=0), np.abs(t3).sum(axis=0))
    printed = len(np.unique(np.stack([t2, t3]), axis=0))
    plain_copies = int((t2 == 1).sum(axis=1).min()), int((t3 == 1).sum(axis=1).min())
    return report(
        printed == 2 and reads_the_same,
        plain_copies == (1, 0),
        printed,
        len(np.unique(t2[None], axis=0)),
        "different operators under one name; of the two, only the second task negates components",
    )
