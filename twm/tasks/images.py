"""Images as sequences: pixel by pixel, in a fixed random order, or row by row before a long noise."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require, require_count
from twm.streams import draw_words
from twm.tasks.datasets import Images, load_cifar10, load_mnist, load_small_mnist
from twm.tasks.sequences import Batch, SequenceTask

#: Image tasks by the name they go by, and where their images come from.
IMAGE_SOURCES: dict[str, Callable[[], Images]] = {
    "smnist": load_mnist,
    "psmnist": load_mnist,
    "nscifar": load_cifar10,
    "small-smnist": load_small_mnist,
    "small-psmnist": load_small_mnist,
}
#: Steps of the paper's noisy images: the rows, then noise.
NOISY_STEPS = 1000


def draw_permutation(size: int, seed: int = 0) -> Tensor:
    """Draw an order of ``size`` things, fixed by the seed.

    Returns:
        (size,) int64: place t of the new order shows thing ``order[t]`` of the old.

    Raises:
        UserError: if a number is out of range.
    """
    words = draw_words("permutation", seed, 0, 1, (require_count(size, "size"),))[0]
    # Stable, so that two equal words, should they occur, do not depend on the device.
    return torch.sort(words, stable=True).indices


def shrink_images(images: Tensor, side: int) -> Tensor:
    """Average blocks of pixels.

    Args:
        images: (count, channels, size, size), any numbers.
        side: pixels along a side afterwards; must divide the size.

    Returns:
        (count, channels, side, side) float32.

    Raises:
        UserError: if it does not divide.
    """
    size = images.shape[-1]
    require(size % require_count(side, "side") == 0, f"images of {size} x {size} cannot be averaged to {side} x {side}")
    return functional.avg_pool2d(images.to(torch.float32), size // side)


class _ImageTask(SequenceTask):
    """Classify images that come as sequences; batches go through the training images in an order new in every epoch."""

    outputs = 10

    def __init__(self, name: str, images: Images, train_count: int | None) -> None:
        self.name, self.label = name, images.label
        count = len(images.train_labels) if train_count is None else require_count(train_count, "number of images")
        known = len(images.train_labels)
        require(count <= known, f"{name} asks for {count} training images; there are {known}")
        self.train_count, self.test_count = count, len(images.test_labels)
        self._labels = (torch.as_tensor(images.train_labels[:count]), torch.as_tensor(images.test_labels))
        self._order: tuple[Any, Tensor] = (None, torch.empty(0))

    def count_iterations(self, batch: int) -> int:
        """Return the iterations of an epoch; images left over by its batches wait for another one."""
        require(
            batch <= self.train_count, f"a batch of {batch} needs as many images; {self.name} has {self.train_count}"
        )
        return self.train_count // batch

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Batch:
        """Draw the training batch of an iteration; see :meth:`SequenceTask.draw_batch`."""
        epoch, place = divmod(require_count(iteration, "iteration") - 1, self.count_iterations(count))
        if self._order[0] != (seed, epoch):
            words = draw_words(f"{self.name}/train", seed, epoch, 1, (self.train_count,))[0]
            self._order = (seed, epoch), torch.sort(words, stable=True).indices
        chosen = self._order[1][place * count : (place + 1) * count]
        inputs = self._make_sequences(0, chosen, ("train", seed, iteration), device)
        return Batch(inputs, self._labels[0][chosen].to(inputs.device))

    def draw_test(self, count: int, first: int = 0, device: Any = None) -> Batch:
        """Draw a part of the test set; see :meth:`SequenceTask.draw_test`."""
        chosen = torch.arange(first, min(first + count, self.test_count))
        inputs = self._make_sequences(1, chosen, ("test", 0, 0), device)
        return Batch(inputs, self._labels[1][chosen].to(inputs.device))

    def _make_sequences(self, split: int, chosen: Tensor, address: tuple[str, int, int], device: Any) -> Tensor:
        raise NotImplementedError

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy; see :meth:`SequenceTask.measure_loss`."""
        return functional.cross_entropy(outputs, targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of images whose largest output is their class."""
        return (outputs.argmax(-1) == targets).to(torch.float64).mean()


class PixelTask(_ImageTask):
    """Read an image one pixel a step, row by row or in a fixed random order, and classify it at the end.

    Args:
        name: of the task.
        images: of one grey channel.
        side: pixels along a side; smaller than the images, blocks are averaged.
        permuted: whether pixels come in the order :func:`draw_permutation` draws.
        train_count: how many of the training images; all by default.
        permutation_seed: seed of that order, which is the same for all runs.

    Raises:
        UserError: if a number is out of range.

    Source: wrnn Sec. 3 "Sequential Image Classification".
    """

    inputs = 1

    def __init__(
        self,
        name: str,
        images: Images,
        side: int = 28,
        permuted: bool = False,
        train_count: int | None = None,
        permutation_seed: int = 0,
    ) -> None:
        super().__init__(name, images, train_count)
        self.steps = side * side
        self.order = draw_permutation(self.steps, permutation_seed) if permuted else torch.arange(self.steps)
        self._pixels = []
        for pictures in (images.train_images[: self.train_count], images.test_images):
            require(pictures.ndim == 3, f"{name} needs grey images, (count, side, side), not {pictures.shape}")
            small = shrink_images(torch.as_tensor(pictures)[:, None], side).flatten(1) / 255
            self._pixels.append(small[:, self.order])

    def _make_sequences(self, split: int, chosen: Tensor, address: tuple[str, int, int], device: Any) -> Tensor:
        return self._pixels[split][chosen].T.unsqueeze(-1).contiguous().to(device or "cpu")


class NoisyRowTask(_ImageTask):
    """Read a colour image one row a step, then noise, and classify it after the noise.

    A row's pixels are its numbers, three colours each, scaled to [-1, 1]. After the last row come independent normal
    numbers, new in every batch, until the sequence is ``steps`` long.

    Args:
        name: of the task.
        images: (count, size, size, 3).
        side: pixels along a side; smaller than the images, blocks are averaged.
        steps: length of a sequence, rows and noise together.
        train_count: how many of the training images; all by default.

    Raises:
        UserError: if a number is out of range.

    Source: wrnn Sec. 3, nsCIFAR10.
    """

    def __init__(
        self, name: str, images: Images, side: int = 32, steps: int = NOISY_STEPS, train_count: int | None = None
    ) -> None:
        super().__init__(name, images, train_count)
        self.steps, self.inputs, self._side = require_count(steps, "steps"), 3 * side, side
        require(steps >= side, f"{name} has {side} rows: steps must be at least that, not {steps}")
        self._rows = []
        for pictures in (images.train_images[: self.train_count], images.test_images):
            require(pictures.ndim == 4, f"{name} needs colour images, (count, side, side, 3), not {pictures.shape}")
            small = shrink_images(torch.as_tensor(pictures).movedim(-1, 1), side) / 127.5 - 1
            # (count, row, column, colour), a row's numbers in one piece.
            self._rows.append(small.movedim(1, -1).flatten(2))

    def _make_sequences(self, split: int, chosen: Tensor, address: tuple[str, int, int], device: Any) -> Tensor:
        rows = self._rows[split][chosen].transpose(0, 1).to(device or "cpu")
        waits = self.steps - self._side
        if not waits:
            return rows.contiguous()
        part, seed, iteration = address
        first = int(chosen[0]) if part == "test" else 0
        words = draw_words(
            f"{self.name}/noise/{part}",
            seed,
            iteration,
            len(chosen),
            (2, waits, self.inputs),
            first=first,
            device=device,
        )
        return torch.cat([rows, _words_to_normals(words[:, 0], words[:, 1]).transpose(0, 1)])


def _words_to_normals(first: Tensor, second: Tensor) -> Tensor:
    """Turn pairs of 32-bit words into normal numbers: the radius from one, the angle from the other."""
    radius = torch.sqrt(-2 * torch.log((first.to(torch.float32) + 1) * 2.0**-32))
    return radius * torch.cos(second.to(torch.float32) * (2 * math.pi * 2.0**-32))


def read_image_name(name: str) -> tuple[str, int, int, int | None]:
    """Read the name of an image task, without its images.

    Args:
        name: as :func:`make_image_task` takes it.

    Returns:
        its kind, the side in pixels, the steps of a sequence, and the number of training images, ``None`` for all.

    Raises:
        UserError: if the name has another form.
    """
    kind, colon, rest = name.partition(":")
    require(kind in IMAGE_SOURCES, f"an image task is one of {', '.join(IMAGE_SOURCES)}, not {name!r}")
    noisy = kind == "nscifar"
    parts = rest.split(",") if colon else []
    whole = len(parts) <= (3 if noisy else 2) and all(
        part.isascii() and part.isdigit() and 0 < int(part) < 10**6 for part in parts
    )
    require(whole, f"an image task is {kind}:SIDE{',STEPS' if noisy else ''},IMAGES with whole numbers, not {name!r}")
    numbers = [int(part) for part in parts]
    if noisy:
        side, steps, count = [*numbers, *[32, NOISY_STEPS, None][len(numbers) :]]
        return kind, side, steps, count
    side, count = [*numbers, *[28, None][len(numbers) :]]
    return kind, side, side * side, count


def find_stand_in(name: str) -> str:
    """Return the name of the same task on the few images that come with the library, where there are such.

    What a trained network does can be looked at on these anywhere, without a download.

    Args:
        name: of any task.

    Returns:
        ``small-smnist:14`` for ``smnist:14,10000`` and the like; other names as they are.

    Raises:
        UserError: if the name of an image task has another form.
    """
    kind = name.partition(":")[0]
    if kind not in ("smnist", "psmnist"):
        return name
    return f"small-{kind}:{read_image_name(name)[1]}"


@lru_cache(maxsize=4)
def make_image_task(name: str) -> SequenceTask:
    """Make an image task from its name, loading its images.

    Args:
        name: ``smnist``, ``psmnist`` or ``nscifar``; after a colon the side in pixels and the number of training images,
            for ``nscifar`` the side, the steps and the number. ``small-smnist`` and ``small-psmnist`` read the images
            that come with the library.

    Returns:
        the task.

    Raises:
        UserError: if the name has another form, or the images are not to be had.
    """
    kind, side, steps, count = read_image_name(name)
    if kind == "nscifar":
        return NoisyRowTask(name, IMAGE_SOURCES[kind](), side, steps, count)
    return PixelTask(name, IMAGE_SOURCES[kind](), side, "psmnist" in kind, count)
