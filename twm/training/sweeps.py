"""The named sweeps, as ``sweeps.yml`` lists them, and their smaller versions that train everything on the spot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from twm.errors import UserError, require
from twm.training.flip_flop import FLIP_FLOP_ABOUT, FLIP_FLOP_SWEEP, list_flip_flop_plans, make_flip_flop_place
from twm.training.places import Place, make_sweep_place, read_models
from twm.training.plans import ModelPlan, SequencePlan, parse_seeds

Fields, Seeds = Mapping[str, Any], Sequence[int]
#: Fields of a plan that are lists themselves; any other list stands for a plan each.
_LISTS = ("horizons", "multiples", "snapshots")


@dataclass(frozen=True)
class Sweep:
    """A named list of networks, each with a row in the sweep's table."""

    name: str
    about: str
    seeds: Seeds
    plans: Mapping[str, Sequence[Fields]]  # by profile; where there is "gpu", a GPU trains that instead of "paper"
    keeps: Callable[[Any], bool]  # whether a plan's network is among the records that the book keeps
    protocol: str = "elman"
    reduced: Mapping[str, Sequence[Fields]] | None = None  # by profile

    def list_plans(self, device: str = "cpu", seeds: Seeds | None = None, profile: str | None = None) -> list[Any]:
        """Return all plans, seed by seed, so that a sweep that is stopped early is balanced.

        A sweep of two scales takes the laptop's on a CPU unless told otherwise, and has the seeds it names alone.
        """
        two_scales = "laptop" in self.plans
        if two_scales:
            profile = profile or ("laptop" if device == "cpu" else "paper")
            require(profile in self.plans, f"{self.name} has the profiles {', '.join(self.plans)}, not {profile!r}")
        else:
            alone = f"{self.name} has the paper's scale alone: leave out --profile {profile}"
            require(profile in (None, "paper"), alone)
            profile = "gpu" if device != "cpu" and "gpu" in self.plans else "paper"
        cells = [(cell, _read_seeds(cell.pop("seeds", self.seeds))) for cell in _expand(self.plans[profile])]
        known = sorted({seed for _, own in cells for seed in own})
        chosen = known if seeds is None else seeds
        plans = [
            # Only one seed shows how weights form; the others would take megabytes.
            _make_plan(self.protocol, cell | ({"snapshots": ()} if seed else {}), seed)
            for seed in chosen
            for cell, own in cells
            if seed in own or not two_scales
        ]
        require(len(plans) > 0, f"{self.name} has the seeds {', '.join(map(str, known))} in the profile {profile}")
        return plans

    def place(self) -> Place:
        """Return where the sweep leaves its records."""
        return make_sweep_place(self.name, self.keeps, self.protocol)


def _expand(cells: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the fields of each network that these stand for; lists within the list are taken in."""
    found = []
    for cell in cells:
        if isinstance(cell, list):
            found += _expand(cell)
            continue
        choices = [_list_choices(key, value) for key, value in cell.items()]
        for chosen in product(*choices):
            found.append({key: value for part in chosen for key, value in part.items()})
    return found


def _list_choices(key: str, value: Any) -> list[dict[str, Any]]:
    if key == "with":
        return _expand(value.values() if isinstance(value, dict) else value)
    if key in _LISTS:
        return [{key: tuple(value)}]
    return [{key: each} for each in (value if isinstance(value, list) else [value])]


def _make_plan(protocol: str, fields: Fields, seed: int) -> ModelPlan | SequencePlan:
    """Make the plan with these fields and this seed."""
    kind = ModelPlan if protocol == "elman" else SequencePlan
    return kind(**{**fields, "seed": seed})


def _read_seeds(seeds: Seeds | str | int) -> tuple[int, ...]:
    return tuple(parse_seeds(str(seeds)) if isinstance(seeds, (str, int)) else seeds)


def _keep(entries: Sequence[Fields], plan: Any) -> bool:
    def fits(key: str, wanted: Any) -> bool:
        return plan.seed in _read_seeds(wanted) if key == "seed" else getattr(plan, key) == wanted

    return any(all(fits(key, wanted) for key, wanted in entry.items()) for entry in entries)


def _make_sweep(protocol: str, name: str, own: Fields) -> Sweep:
    seeds, keeps = _read_seeds(own["seeds"]), partial(_keep, own["keeps"])
    return Sweep(name, own["about"], seeds, own["plans"], keeps, protocol, own.get("reduced"))


_DATA = yaml.safe_load((Path(__file__).parent / "sweeps.yml").read_text(encoding="utf-8"))

SWEEPS = {
    name: _make_sweep(protocol, name, own)
    for protocol in ("elman", "sequence")
    for name, own in _DATA[protocol].items()
}

#: The rows of the wave-RNN paper's Table 4: network, and how its recurrent weights and its encoder start.
ABLATIONS = {
    name: (network, row["recurrent"], row["encoder"])
    for network, rows in {"wrnn": "rows_of_waves", "irnn": "rows_of_dense"}.items()
    for name, row in _DATA["shared"][rows].items()
}


def find_sweep(name: str) -> Sweep:
    """Return a named sweep."""
    require(name in SWEEPS, f"unknown sweep {name!r}: choose from {', '.join([*SWEEPS, FLIP_FLOP_SWEEP])}")
    return SWEEPS[name]


def list_reduced_plans(name: str, profile: str, seed: int = 0) -> list[Any]:
    """Return the plans that stand for a sweep in the profile ``smoke`` or ``laptop``, with seeds from ``seed`` on."""
    known = [other for other, sweep in SWEEPS.items() if sweep.reduced]
    require(name in known, f"{name!r} has no reduced version: choose from {', '.join(known)}")
    sweep = SWEEPS[name]
    require(profile in sweep.reduced, f"only smoke and laptop are reduced, not {profile!r}")
    return [_make_plan(sweep.protocol, cell, seed + cell.get("seed", 0)) for cell in _expand(sweep.reduced[profile])]


def list_sweeps(device: str = "cpu") -> list[dict[str, Any]]:
    """Tell how many models of each sweep are on record, wait and have been begun, and what is wrong with its table."""
    listed = []
    sweeps = [(sweep.name, sweep.about, sweep.place(), sweep.list_plans(device)) for sweep in SWEEPS.values()]
    sweeps.append((FLIP_FLOP_SWEEP, FLIP_FLOP_ABOUT, make_flip_flop_place(), list_flip_flop_plans()))
    for name, about, place, plans in sweeps:
        try:
            problem, known = None, {row["model"] for row in read_models(place.rows, place.protocol)}
        except UserError as error:
            problem, known = str(error), set()
        missing = [plan for plan in plans if plan.name not in known]
        short = {plan.seed for plan in missing}
        listed.append(
            {
                "name": name,
                "about": about,
                "file": "/".join(place.rows.parts[-3:]),
                "models": len(plans),
                "on_record": len(plans) - len(missing),
                "waiting": len(missing),
                "begun": len(list(place.work.glob("*.checkpoint"))),
                "whole_seeds": [seed for seed in dict.fromkeys(plan.seed for plan in plans) if seed not in short],
                "problem": problem,
            }
        )
    return listed
