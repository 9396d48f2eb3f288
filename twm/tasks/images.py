"""Images as sequences: pixel by pixel in scan order or a fixed random order, or row by row followed by long noise."""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require, require_count
from twm.streams import draw_words
from twm.tasks.datasets import Images, load_cifar10, load_mnist, load_small_mnist
from twm.tasks.sequences import AddingTask, Batch, CopyTask, SequenceTask, SystemTask
from twm.theory.systems import parse_task

#: Functions that load the images of each image task, by the task's name.
IMAGE_SOURCES: dict[str, Callable[[], Images]] = {
    "smnist": load_mnist,
    "psmnist": load_mnist,
    "nscifar": load_cifar10,
    "nscifar-fixed": load_cifar10,
    "small-smnist": load_small_mnist,
    "small-psmnist": load_small_mnist,
}
#: Sequence length of the paper's noisy images: the rows, then noise.
NOISY_STEPS = 1000
#: Number of held-out images, following the training images, that select the best checkpoint, as in the released code.
HELD_OUT = 3000


def _draw_order(key: str, seed: int, iteration: int, size: int) -> Tensor:
    """Draw a random permutation of ``size`` items: position t of the new order holds item ``order[t]`` of the old."""
    # The sort is stable, so that the order of equal words does not depend on the device.
    return torch.sort(draw_words(key, seed, iteration, 1, (size,))[0], stable=True).indices


def _shrink(images: Tensor, side: int) -> Tensor:
    """Average blocks of pixels of images (count, channels, size, size), down to ``side`` x ``side``: float32."""
    size = images.shape[-1]
    require(size % require_count(side, "side") == 0, f"images of {size} x {size} cannot be averaged to {side} x {side}")
    return functional.avg_pool2d(images.to(torch.float32), size // side)


class _ImageTask(SequenceTask):
    """Classify images presented as sequences; batches visit the training images in a new random order in every epoch."""

    outputs = 10

    def __init__(self, name: str, images: Images, train_count: int | None) -> None:
        self.name, self.label, known = name, images.label, len(images.train_labels)
        count = known if train_count is None else require_count(train_count, "number of images")
        require(count <= known, f"{name} asks for {count} training images; there are {known}")
        self.train_count, self.test_count, held = count, len(images.test_labels), slice(count, count + HELD_OUT)
        self.held_count = len(images.train_labels[held])
        self._pictures = {"train": images.train_images[:count], "test": images.test_images}
        self._pictures["held"] = images.train_images[held]
        labels = {"train": images.train_labels, "held": images.train_labels[held], "test": images.test_labels}
        self._labels = {part: torch.as_tensor(own, dtype=torch.int64) for part, own in labels.items()}
        self._order: tuple[Any, Tensor] = (None, torch.empty(0))

    def _draw(self, part: str, seed: int, iteration: int, count: int, first: int, device: Any) -> Batch:
        tested = torch.arange(len(self._pictures[part]))[first : first + count]
        chosen = self._choose(seed, iteration, count) if part == "train" else tested
        inputs = self._make_sequences((part, seed, iteration), chosen, first, device)
        return Batch(inputs, self._labels[part][chosen].to(inputs.device))

    def _choose(self, seed: int, iteration: int, count: int) -> Tensor:
        """Return the indices of a training batch's images; an epoch skips the images left over by its whole batches."""
        told = f"a batch of {count} needs as many images; {self.name} has {self.train_count}"
        require(count <= self.train_count, told)
        epoch, place = divmod(require_count(iteration, "iteration") - 1, self.train_count // count)
        if self._order[0] != (seed, epoch):
            self._order = (seed, epoch), _draw_order(f"{self.name}/train", seed, epoch, self.train_count)
        return self._order[1][place * count : (place + 1) * count]


class PixelTask(_ImageTask):
    """Classify a grey image read one pixel per step, all in one random order if ``permuted``. Source: wrnn Sec. 3, sMNIST."""

    inputs = 1

    def __init__(self, name: str, images: Images, side: int, permuted: bool, train_count: int | None = None) -> None:
        super().__init__(name, images, train_count)
        self.steps = side * side
        order = _draw_order("permutation", 0, 0, self.steps) if permuted else torch.arange(self.steps)
        self._pixels = {
            part: (_shrink(torch.as_tensor(pictures)[:, None], side).flatten(1) / 255)[:, order]
            for part, pictures in self._pictures.items()
        }

    def _make_sequences(self, address: tuple[str, int, int], chosen: Tensor, first: int, device: Any) -> Tensor:
        return self._pixels[address[0]][chosen].T.unsqueeze(-1).contiguous().to(device or "cpu")


class NoisyRowTask(_ImageTask):
    """Classify a colour image read one row per step, followed by normal noise. Source: wrnn Sec. 3, nsCIFAR10.

    ``fixed``, as in the released code: the same noise for all images, and pixel values in [0, 1] instead of [-1, 1]."""

    def __init__(
        self, name: str, images: Images, side: int, steps: int, train_count: int | None = None, fixed: bool = False
    ) -> None:
        super().__init__(name, images, train_count)
        self.steps, self.inputs, self._waits = require_count(steps, "steps"), 3 * side, steps - side
        require(steps >= side, f"{name} has {side} rows: steps must be at least that, not {steps}")
        self._fixed, (scale, least) = fixed, (255, 0) if fixed else (127.5, 1)
        # (count, row, column * colour).
        self._rows = {
            part: (_shrink(torch.as_tensor(pictures).movedim(-1, 1), side) / scale - least).movedim(1, -1).flatten(2)
            for part, pictures in self._pictures.items()
        }

    def _make_sequences(self, address: tuple[str, int, int], chosen: Tensor, first: int, device: Any) -> Tensor:
        part, seed, iteration = address
        rows = self._rows[part][chosen].transpose(0, 1).to(device or "cpu")
        if not self._waits:
            return rows.contiguous()
        key, shape = f"{self.name}/noise/{part}", (2, self._waits, self.inputs)
        address = (f"{self.name}/noise", 0, 0, 1, shape) if self._fixed else (key, seed, iteration, len(chosen), shape)
        words = draw_words(*address, first=0 if self._fixed else first, device=device)
        # Normal numbers from pairs of words (Box-Muller): the radius from one, the angle from the other.
        lengths, turns = words.to(torch.float32).unbind(1)
        noise = torch.sqrt(-2 * torch.log((lengths + 1) * 2.0**-32)) * torch.cos(turns * (2 * math.pi * 2.0**-32))
        return torch.cat([rows, noise.transpose(0, 1).expand(-1, len(chosen), -1)])


def read_image_name(name: str) -> tuple[str, int, int, int | None]:
    """Return an image task's kind, side, sequence length and number of training images, ``None`` for all."""
    kind, colon, rest = name.partition(":")
    noisy = kind.startswith("nscifar")
    numbers = [32, NOISY_STEPS, None] if noisy else [28, None]
    form = r"0*[1-9][0-9]{0,5}(,0*[1-9][0-9]{0,5}){0,%d}" % (len(numbers) - 1)
    whole = not colon or re.fullmatch(form, rest) is not None
    require(whole, f"an image task is {kind}:SIDE{',STEPS' if noisy else ''},IMAGES with whole numbers, not {name!r}")
    given = [int(part) for part in rest.split(",")] if colon else []
    side, *steps, count = [*given, *numbers[len(given) :]]
    return kind, side, *(steps or [side * side]), count


def find_stand_in(name: str) -> str:
    """Return the name of an MNIST task on the library's own sample, such as small-smnist:14; other names are unchanged."""
    kind = name.partition(":")[0]
    return f"small-{kind}:{read_image_name(name)[1]}" if kind in ("smnist", "psmnist") else name


@lru_cache(maxsize=4)
def make_image_task(name: str) -> SequenceTask:
    """Make an image task from its name, and load its images: ``smnist:SIDE,IMAGES`` or ``nscifar:SIDE,STEPS,IMAGES``;
    ``nscifar-fixed`` has the same noise for all images."""
    kind, side, steps, count = read_image_name(name)
    if kind.startswith("nscifar"):
        return NoisyRowTask(name, IMAGE_SOURCES[kind](), side, steps, count, kind == "nscifar-fixed")
    return PixelTask(name, IMAGE_SOURCES[kind](), side, "psmnist" in kind, count)


def parse_sequence_task(name: str) -> SequenceTask:
    """Make a sequence task from its name."""
    kind, number = check_sequence_task(name)
    if kind in IMAGE_SOURCES:
        return make_image_task(name)
    if kind in ("hds", "hds-corrected"):
        return SystemTask(number, name.partition(",")[2], kind == "hds-corrected")
    return CopyTask(number) if kind == "copy" else AddingTask(number)


def check_sequence_task(name: str) -> tuple[str, int]:
    """Check a task's name without loading images; return its kind, and T, H or an image task's sequence length."""
    kind, _, rest = str(name).partition(":")
    if kind in IMAGE_SOURCES:
        return kind, read_image_name(name)[2]
    known = "copy:T, adding:T, hds:H,TASK, hds-corrected:H,TASK"
    require(kind in ("copy", "adding", "hds", "hds-corrected"), f"unknown task {name!r}: choose {known}, {', '.join(IMAGE_SOURCES)}")
    number, comma, system = rest.partition(",")
    if kind in ("hds", "hds-corrected"):
        fits = bool(re.fullmatch(r"[0-9]{1,4}", number)) and int(number) > 0 and bool(comma)
        require(fits, f"a task of this kind is hds:HORIZON,TASK, such as hds:40,T1, not {name!r}")
        parse_task(system)
        return kind, int(number)
    whole = re.fullmatch(r"[0-9]{1,5}", rest) is not None
    require(whole, f"a task of this kind is {kind}:T with a whole number T, such as {kind}:100, not {name!r}")
    require(kind == "copy" or int(rest) >= 2, f"adding:T needs at least two numbers, not {name!r}")
    return kind, int(rest)
