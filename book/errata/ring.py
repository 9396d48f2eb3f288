"""Traveling waves encode the recent past (wrnn): its tables, its tasks, its counts of parameters.

Counts follow from the architecture, with the sizes that the paper and its released code give.
"""

from itertools import product

import numpy as np

from errata.slips import Measured, check, compare

#: Table 2, test accuracy in per cent: plain and permuted sequential MNIST.
TABLE_2 = {"iRNN": (98.5, 92.5), "wRNN": (97.6, 96.7), "wRNN + MLP": (97.5, 97.6)}


def count_wave_rnn(
    inputs: int, outputs: int, neurons: int, channels: int, biases=(True, True, True), mlp: int = 0
) -> int:
    """Count the parameters of a wave-RNN with kernel 3 that mixes all channels, of ``neurons`` each.

    Encoder, convolution and readout have a bias where ``biases`` says so; ``mlp`` hidden units make a readout of two layers.
    Source: wrnn Sec. 2, Eq. (3).
    """
    hidden = neurons * channels
    encoder, convolution, readout = biases
    count = hidden * inputs + encoder * hidden + channels * channels * 3 + convolution * channels
    sizes = [hidden, mlp, outputs] if mlp else [hidden, outputs]
    return count + sum(before * after + readout * after for before, after in zip(sizes, sizes[1:]))


def count_identity_rnn(inputs: int, outputs: int, neurons: int) -> int:
    """Count the parameters of an iRNN, with a bias on each of its three maps. Source: wrnn Sec. 2, Baselines."""
    return neurons * inputs + neurons + neurons * neurons + neurons + outputs * neurons + outputs


def subtract_rows(more: str, less: str) -> list[float]:
    """Return the lead of one row of Table 2 over another, on plain and on permuted images."""
    return [round(a - b, 3) for a, b in zip(TABLE_2[more], TABLE_2[less])]


@check("wrnn.abstract.outperform")
def check_outperform() -> Measured:
    """Subtract the iRNN's accuracy from the wRNN's in Table 2. Source: wrnn Table 2."""
    plain, permuted = subtract_rows("wRNN", "iRNN")
    return Measured(min(plain, permuted) < 0, permuted > 0 > plain, plain, permuted)


# ---- the copy task


def lay_out_copy(length: int, symbols: int = 10) -> np.ndarray:
    """Lay out the inputs of the released copy task: 1 for a symbol, 9 for the delimiter, 0 for a blank.

    The sequence has ``length + 10`` steps; the network answers in the last ten, and the delimiter stands just before.
    """
    sequence = np.zeros(length + symbols, dtype=int)
    sequence[:symbols] = 1
    sequence[-(symbols + 1)] = 9
    return sequence


@check("wrnn.copy.lengths")
def check_copy_lengths() -> Measured:
    """Count the steps from the last symbol to the first answer at the released lengths. Source: wrnn Sec. 3."""
    held = [len(lay_out_copy(length)) - 10 - 10 for length in (10, 20, 50, 100, 500)]
    return compare(*(sum(a != b for a, b in zip(held, said)) for said in ((0, 10, 30, 80, 480), (0, 10, 40, 90, 490))))


@check("wrnn.copy.delimiter")
def check_delimiter() -> Measured:
    """Count the symbols in the shortest sequence and in one that is a step longer. Source: wrnn Sec. 3."""
    return compare(*(np.sum(lay_out_copy(length) == 1) for length in (10, 11)), truth=10)


@check("wrnn.copy.forty")
def check_parameter_ratio() -> Measured:
    """Divide the two counts. Nearly n is taken as from n - 10% to n. Source: wrnn Sec. 2-3."""
    free, wave = count_identity_rnn(10, 10, 625), count_wave_rnn(10, 10, 100, 6)
    ratio = free / wave
    return Measured(not 36 <= ratio <= 40, 28.8 <= ratio <= 32, f"40, against {free:,} / {wave:,}", ratio)


# ---- the adding task


@check("wrnn.adding.grid")
def check_logging_grid() -> Measured:
    """Divide the solved iterations of Table 1 by both logging intervals. Source: wrnn Table 1."""
    solved = (300, 1000, 1000, 3000, 2000)
    return compare(*(sum(iteration % interval != 0 for iteration in solved) for interval in (1000, 100)))


# ---- sequential images


@check("wrnn.table2.mlp")
def check_mlp_gain() -> Measured:
    """Subtract the two rows of Table 2. Source: wrnn Table 2."""
    plain, permuted = subtract_rows("wRNN + MLP", "wRNN")
    return Measured(plain <= 0, permuted > 0 >= plain, plain, permuted)


@check("wrnn.table2.count")
def check_parameter_count() -> Measured:
    """Count with every choice of biases; rounding to thousands is at most 500 off. Source: wrnn Table 2, Sec. 2."""
    choices = list(product((True, False), repeat=3))
    printed = min(abs(count_wave_rnn(1, 10, 256, 16, biases) - 47_000) for biases in choices)
    corrected = abs(count_wave_rnn(1, 10, 256, 16) - 50_000)
    of_mlp_row = [biases for biases in choices if abs(count_wave_rnn(1, 10, 256, 16, biases, mlp=100) - 420_000) <= 500]
    encoder_has_bias = len(of_mlp_row) > 0 and all(encoder for encoder, _, _ in of_mlp_row)
    return Measured(printed > 500, corrected <= 500 and encoder_has_bias, printed, corrected)


@check("wrnn.limits.bias")
def check_bias_rule() -> Measured:
    """Count the CIFAR10 network with 96 inputs by the rule of Table 2. Source: wrnn Sec. 4, Table 2."""
    by_rule, without = (count_wave_rnn(96, 10, 256, 16, biases=(bias, True, True)) for bias in (True, False))
    printed, corrected = abs(by_rule - 435_000), abs(by_rule - 439_000)
    return Measured(printed > 500 and abs(without - 435_000) <= 500, corrected <= 500, printed, corrected)
