"""What sweeps need to know about a kind of model, so that one machinery trains them all.

Plans name their protocol. What a sweep does with a model (workers, checkpoints, results, tables) is the same for every
protocol; what a model is, how it is trained and what its row says is the protocol's own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Protocol:
    """One kind of model.

    Attributes:
        name: which plans carry.
        columns: of a table of models, with what they mean.
        curve_columns: of a table of learning curves.
        texts: columns that hold words; all others hold numbers.
        check: says before anything is trained whether plans can be, and raises a UserError if not.
        restore: from what a plan's ``describe`` returned to the plan.
        make: from plans, device and path of the kernel to what trains them side by side.
        group: sorts plans into groups that can be trained side by side.
        finish: from what has ended to one result a plan.
        pack: from weights to tensors by name.
        unpack: back.
        write_network: writes weights and what is to be known about them to a file.
        describe_row: says in a line what became of a model.
    """

    name: str
    columns: Mapping[str, str]
    curve_columns: tuple[str, ...]
    texts: tuple[str, ...]
    check: Callable[[Sequence[Any]], None]
    restore: Callable[[dict[str, Any]], Any]
    make: Callable[[Sequence[Any], str, str | None], Any]
    group: Callable[[Sequence[Any]], list[list[Any]]]
    finish: Callable[[Any], list[Any]]
    pack: Callable[[Any], dict[str, Any]]
    unpack: Callable[[dict[str, Any]], Any]
    write_network: Callable[[Any, Any, Mapping[str, Any]], None]
    describe_row: Callable[[dict[str, Any]], str]


#: Where each protocol is defined. Imported when asked for, because the machinery is below none of them.
_HOMES = {"elman": "twm.training.results", "sequence": "twm.training.sequence_results"}


def find_protocol(name: str = "elman") -> Protocol:
    """Return a protocol by name."""
    return import_module(_HOMES[name]).PROTOCOL


def describe_plan(plan: Any) -> dict[str, Any]:
    """Return a plan and the name of its protocol as JSON can hold them."""
    return {"protocol": plan.protocol, "plan": plan.describe()}


def restore_any(description: Mapping[str, Any]) -> Any:
    """Return the plan that :func:`describe_plan` described.

    Raises:
        UserError: if it was described by another version.
    """
    # Records from before there was a second protocol do not name theirs.
    return find_protocol(description.get("protocol", "elman")).restore(description["plan"])
