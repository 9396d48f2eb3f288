"""MNIST, CIFAR-10, and the sample of MNIST that comes with the library: finding, checking, downloading and reading files."""

import gzip
import hashlib
import io
import os
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twm.errors import UserError, require
from twm.paths import write_atomically

_MIRROR_SECONDS = 30  # time limit for a mirror's response


@dataclass(frozen=True)
class DataFile:
    """One file of a data set."""

    name: str  # without the extension of a compressed copy
    digest: str  # SHA-256 of the file; if ``packed``, of the unpacked file, because mirrors compress differently
    packed: bool = False  # whether a .gz copy is accepted, and is what mirrors provide
    folders: tuple[str, ...] = ()  # subfolders of a data folder that are searched too
    mirrors: tuple[str, ...] = field(default=(), repr=False)  # addresses of folders that contain it
    says: str = "a data file"  # name of a wrong or missing file in messages

    # Accepted file names.
    names = property(lambda self: (self.name, f"{self.name}.gz") if self.packed else (self.name,))


def _cache_dir() -> Path:
    """Return the folder for downloads: below XDG_CACHE_HOME, or in the system's cache folder."""
    default = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or default)) / "twm"


def _list_folders() -> list[Path]:
    """Return the folders that are searched for data, in order."""
    asked = os.environ.get("TWM_DATA_DIR")
    folders = [Path(os.path.expanduser(asked))] if asked else []
    require(all(map(os.path.isdir, folders)), f"TWM_DATA_DIR={asked} is not a folder: set it to that of the data, or unset it")
    return [*folders, _cache_dir()]


def find_file(wanted: DataFile) -> Path | None:
    """Return the path of a file on this machine, without checking its content; ``None`` if it is missing."""
    places = (folder / below for folder in _list_folders() for below in ("", *wanted.folders))
    return next(filter(os.path.isfile, (place / name for place in places for name in wanted.names)), None)


def read_file(wanted: DataFile) -> bytes:
    """Return the content of a file, unpacked and checked; download it if it is not on this machine."""
    path = find_file(wanted)
    if path is None:
        return _download(wanted)
    try:
        content, reason = _check(wanted, path.read_bytes(), path.name.endswith(".gz") and wanted.packed)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    require(not reason, f"{path} is not {wanted.says} ({reason}): replace it, or move it away to have it downloaded")
    return content


def _check(wanted: DataFile, content: bytes, packed: bool) -> tuple[bytes, str]:
    """Return the unpacked content, and the reason why it is wrong, an empty text if it is correct."""
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return b"", "it is truncated, or not compressed with gzip"
    found = hashlib.sha256(content).hexdigest()
    return content, "" if found == wanted.digest else f"its SHA-256 begins {found[:8]}, not {wanted.digest[:8]}"


def _download(wanted: DataFile) -> bytes:
    from http.client import HTTPException
    from urllib.request import urlopen

    name, reasons = wanted.names[-1], []
    for mirror in wanted.mirrors:
        try:
            with urlopen(f"{mirror}{name}", timeout=_MIRROR_SECONDS) as stream:
                fetched = stream.read()
        except (OSError, HTTPException, ValueError) as error:  # also an invalid proxy address, a truncated response
            reasons.append(" ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__)
            continue
        content, reason = _check(wanted, fetched, wanted.packed)
        if not reason:
            with suppress(OSError):  # Without a cache, the next call downloads it again.
                write_atomically(_cache_dir() / name, fetched)
            return content
        reasons.append(f"the file from {mirror} is wrong: {reason}")
    folder = os.environ.get("TWM_DATA_DIR") or "a folder that TWM_DATA_DIR names"
    why = f"could not be downloaded ({'; '.join(dict.fromkeys(reasons))})" if reasons else "has no mirror"
    raise UserError(f"{wanted.says}, {name}, is not on this machine and {why}: put it in {folder}")


_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_MNIST_DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
#: The four files of MNIST: training images and labels, test images and labels.
MNIST_FILES = tuple(
    DataFile(name, digest, True, ("mnist",), _MIRRORS, "the file of MNIST") for name, digest in _MNIST_DIGESTS.items()
)
_CIFAR10_DIGEST = "8207e7eb02ea4e485a5780cf8bf2b24aee628a1b56df50f5c139a9a031ff3508"
#: CIFAR-10, recompressed by a third party; no mirror is known.
CIFAR10_FILES = (DataFile("cifar10_jpeg.npz", _CIFAR10_DIGEST, says="the recompressed copy of CIFAR-10"),)


class Images(NamedTuple):
    """Images and their class labels, for training and for testing."""

    train_images: np.ndarray  # (count, side, side) uint8 for grey images, (count, side, side, 3) for coloured ones
    train_labels: np.ndarray  # (count,) whole numbers
    test_images: np.ndarray
    test_labels: np.ndarray
    label: str = ""  # remark that must accompany every number computed from them


@lru_cache(maxsize=1)
def load_mnist() -> Images:
    """Load MNIST: 60,000 training images of 28 x 28 pixels, and 10,000 test images."""
    missing = [wanted.names[-1] for wanted in MNIST_FILES if find_file(wanted) is None]
    try:
        parts = [_read_idx(read_file(wanted)) for wanted in MNIST_FILES]
    except UserError as error:
        if len(missing) > 1 and "not on this machine" in str(error):
            raise UserError(f"{error}; MNIST lacks {', '.join(missing)}") from None
        raise
    return Images(*parts)


def _read_idx(content: bytes) -> np.ndarray:
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    # Copied, because an array that is backed by bytes is read-only, and torch warns about that.
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


@lru_cache(maxsize=1)
def load_cifar10() -> Images:
    """Load CIFAR-10: 50,000 training images of 32 x 32 x 3, and 10,000 test images; JPEG compression changed the pixels."""
    from PIL import Image

    with np.load(io.BytesIO(read_file(CIFAR10_FILES[0])), allow_pickle=False) as arrays:
        blob, offsets, labels, split = (arrays[name] for name in ("blob", "offsets", "labels", "split"))
    pictures = np.empty((len(labels), 32, 32, 3), np.uint8)
    for place, (start, stop) in enumerate(zip(offsets, offsets[1:])):
        pictures[place] = np.asarray(Image.open(io.BytesIO(blob[start:stop].tobytes())).convert("RGB"))
    train = split == 0
    return Images(pictures[train], labels[train], pictures[~train], labels[~train], "CIFAR-10 recompressed as JPEG")


@lru_cache(maxsize=1)
def load_small_mnist() -> Images:
    """Load the first images of MNIST, by Yann LeCun and Corinna Cortes from NIST data; MNIST and sample are CC BY-SA 3.0."""
    with np.load(Path(__file__).with_name("small_mnist.npz"), allow_pickle=False) as arrays:
        parts = [arrays[name] for name in Images._fields[:4]]
    return Images(*parts, "a sample of MNIST")


def describe_data() -> dict[str, str]:
    """Return for each data set where it was found, or what is missing, without reading it."""
    try:
        folders = ", ".join(map(str, _list_folders()))
    except UserError as error:
        return {"images": str(error)}
    described = {}
    for name, files in (("MNIST", MNIST_FILES), ("CIFAR-10", CIFAR10_FILES)):
        advice = "will be downloaded when it is needed" if files[0].mirrors else "has no mirror; put it there by hand"
        missing = ", ".join(wanted.names[-1] for wanted in files if find_file(wanted) is None)
        found = find_file(files[0])
        described[name] = f"{missing} not found in {folders}: it {advice}" if missing else f"found in {found.parent}"
    return described
