"""What a run leaves behind: rows of a CSV table, weights of named networks, and the state that a stopped run goes on from.

Each is written whole or not at all.
"""

from twm.records.networks import name_network, read_network, write_network
from twm.records.rows import append_row, describe_host, describe_rows, is_writable, read_rows, write_rows
from twm.records.tensors import DamagedRecord, read_tensors, write_tensors

__all__ = [
    "DamagedRecord",
    "append_row",
    "describe_host",
    "describe_rows",
    "is_writable",
    "name_network",
    "read_network",
    "read_rows",
    "read_tensors",
    "write_network",
    "write_rows",
    "write_tensors",
]
