"""Tasks on sequences that are no history-dependent systems."""

from twm.sequence_tasks.flip_flop import FlipFlop, FlipFlopStream, delay_signs, draw_pulses, mark_steps

__all__ = ["FlipFlop", "FlipFlopStream", "delay_signs", "draw_pulses", "mark_steps"]
