"""Files of data: where they are looked for, how they are checked, and how they are fetched.

MNIST, CIFAR-10, and the small part of MNIST that comes with the library.
"""

import gzip
import hashlib
import io
import os
import struct
import sys
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twm.errors import UserError
from twm.paths import write_atomically

#: Seconds that a mirror has to answer.
_TIMEOUT = 30


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        name: without the ending of a compressed copy.
        digest: SHA-256 of the file; of the unpacked one where mirrors pack it each in their own way.
        packed: whether a copy with the ending ``.gz`` will do, and is what mirrors hold.
        folders: names of folders, below the one searched, in which it may lie too.
        mirrors: addresses of folders that hold it.
        says: what a wrong or missing file is called in messages.
    """

    name: str
    digest: str
    packed: bool = False
    folders: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = field(default=(), repr=False)
    says: str = "a data file"

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it may lie."""
        return (self.name, f"{self.name}.gz") if self.packed else (self.name,)


def cache_dir() -> Path:
    """Return the folder into which downloads go: below XDG_CACHE_HOME, or where the system keeps caches."""
    asked = os.environ.get("XDG_CACHE_HOME")
    if asked:
        return Path(asked).expanduser() / "twm"
    home = Path.home()
    return home / "Library" / "Caches" / "twm" if sys.platform == "darwin" else home / ".cache" / "twm"


def data_folders() -> list[Path]:
    """Return the folders in which data is looked for, the first one first.

    Raises:
        UserError: if TWM_DATA_DIR is set to something that is no folder.
    """
    asked = os.environ.get("TWM_DATA_DIR")
    if not asked:
        return [cache_dir()]
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        raise UserError(f"TWM_DATA_DIR={asked} is not a folder: set it to the one that holds the data, or leave it out")
    return [folder, cache_dir()]


def find_file(wanted: DataFile) -> Path | None:
    """Return where a file lies on this machine, unchecked; ``None`` if nowhere."""
    for folder in data_folders():
        for place in (folder, *(folder / name for name in wanted.folders)):
            for name in wanted.names:
                if (place / name).is_file():
                    return place / name
    return None


def read_file(wanted: DataFile) -> bytes:
    """Return the content of a file, unpacked and checked; download it if it is not on this machine.

    Raises:
        UserError: if a file found here is not what it should be, or the file is not here and cannot be downloaded.
    """
    path = find_file(wanted)
    if path is None:
        return _download(wanted)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    content, reason = _check(wanted, content, path.name.endswith(".gz") and wanted.packed)
    if reason:
        raise UserError(f"{path} is not {wanted.says} ({reason}): replace it, or move it away to have it downloaded")
    return content


def _check(wanted: DataFile, content: bytes, packed: bool) -> tuple[bytes, str]:
    """Return the unpacked content, and why it is wrong; an empty text if it is right."""
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return b"", "it is cut short, or not packed with gzip"
    found = hashlib.sha256(content).hexdigest()
    return content, "" if found == wanted.digest else f"its SHA-256 begins {found[:8]}, not {wanted.digest[:8]}"


def _download(wanted: DataFile) -> bytes:
    from urllib.request import urlopen

    name, reasons = wanted.names[-1], []
    for mirror in wanted.mirrors:
        try:
            with urlopen(f"{mirror}{name}", timeout=_TIMEOUT) as stream:
                fetched = stream.read()
        except OSError as error:
            reasons.append(str(getattr(error, "reason", error)))
            continue
        content, reason = _check(wanted, fetched, wanted.packed)
        if not reason:
            try:
                write_atomically(cache_dir() / name, fetched)
            except OSError:
                # Without a cache it is fetched again the next time.
                pass
            return content
        reasons.append(f"what {mirror} sent is not it: {reason}")
    folder = os.environ.get("TWM_DATA_DIR") or "a folder that TWM_DATA_DIR names"
    why = f"could not be downloaded ({'; '.join(dict.fromkeys(reasons))})" if reasons else "has no mirror"
    raise UserError(f"{wanted.says}, {name}, is not on this machine and {why}: put it in {folder}")


_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def _mnist_file(name: str, digest: str) -> DataFile:
    return DataFile(name, digest, True, ("mnist",), _MNIST_MIRRORS, "the file of MNIST")


#: The four files of MNIST: images and labels for training, images and labels for the test.
MNIST_FILES = (
    _mnist_file("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    _mnist_file("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    _mnist_file("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    _mnist_file("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)
#: CIFAR-10, recompressed by a third party; it has no mirror that we could name.
CIFAR10_FILES = (
    DataFile(
        "cifar10_jpeg.npz",
        "8207e7eb02ea4e485a5780cf8bf2b24aee628a1b56df50f5c139a9a031ff3508",
        says="the recompressed copy of CIFAR-10",
    ),
)
#: What must stand beside every number computed from it.
RECOMPRESSED = "CIFAR-10 recompressed as JPEG"
#: What must stand beside every number computed from the images that come with the library.
SMALL = "a small part of MNIST"


class Images(NamedTuple):
    """Images and their classes.

    Attributes:
        train_images: (count, side, side) uint8 for grey images, (count, side, side, 3) for coloured ones.
        train_labels: (count,) int64.
        test_images: as the training images.
        test_labels: as the training labels.
        label: what must be said wherever a number computed from them is shown; empty if nothing.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    label: str = ""


@lru_cache(maxsize=1)
def load_mnist() -> Images:
    """Load MNIST: 60,000 images of 28 x 28 pixels for training, 10,000 for the test.

    Raises:
        UserError: if a file is wrong, or missing and cannot be downloaded; the message says which, and where to put it.
    """
    missing = [wanted.names[-1] for wanted in MNIST_FILES if find_file(wanted) is None]
    parts = []
    try:
        for wanted in MNIST_FILES:
            parts.append(_read_idx(read_file(wanted)))
    except UserError as error:
        if len(missing) > 1 and "not on this machine" in str(error):
            raise UserError(f"{error}; MNIST lacks {', '.join(missing)}") from None
        raise
    return Images(parts[0], parts[1].astype(np.int64), parts[2], parts[3].astype(np.int64))


def _read_idx(content: bytes) -> np.ndarray:
    axes = content[3]
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    # A copy, because what is read from bytes cannot be written to, and torch warns of that.
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


@lru_cache(maxsize=1)
def load_cifar10() -> Images:
    """Load CIFAR-10 as recompressed by a third party: 50,000 images of 32 x 32 x 3 for training, 10,000 for the test.

    Its pixels are not those of the original, which its label says.

    Raises:
        UserError: if the file is wrong or missing; the message says where to put it.
    """
    from PIL import Image

    with np.load(io.BytesIO(read_file(CIFAR10_FILES[0])), allow_pickle=False) as arrays:
        blob, offsets, labels, split = (arrays[name] for name in ("blob", "offsets", "labels", "split"))
    pictures = np.empty((len(labels), 32, 32, 3), np.uint8)
    for place, (start, stop) in enumerate(zip(offsets, offsets[1:])):
        pictures[place] = np.asarray(Image.open(io.BytesIO(blob[start:stop].tobytes())).convert("RGB"))
    train = split == 0
    labels = labels.astype(np.int64)
    return Images(pictures[train], labels[train], pictures[~train], labels[~train], RECOMPRESSED)


@lru_cache(maxsize=1)
def load_small_mnist() -> Images:
    """Load the images that come with the library: the first of MNIST, 1,000 for training and 500 for the test.

    They are for quick checks without a network, and their label says so. MNIST is by Yann LeCun and Corinna Cortes, made
    from data of NIST, and is shared under CC BY-SA 3.0; so is this part of it.
    """
    with np.load(Path(__file__).with_name("small_mnist.npz"), allow_pickle=False) as arrays:
        parts = [arrays[name] for name in Images._fields[:4]]
    return Images(parts[0], parts[1].astype(np.int64), parts[2], parts[3].astype(np.int64), SMALL)


def describe_data() -> dict[str, str]:
    """Tell for each data set where it lies, or what is missing, without reading it."""
    try:
        folders = ", ".join(str(folder) for folder in data_folders())
    except UserError as error:
        return {"images": str(error)}
    described = {}
    for name, files, otherwise in (
        ("MNIST", MNIST_FILES, "it will be downloaded when it is needed"),
        ("CIFAR-10", CIFAR10_FILES, "it has no mirror and must be laid there"),
    ):
        places = [find_file(wanted) for wanted in files]
        missing = [wanted.names[-1] for wanted, place in zip(files, places) if place is None]
        if missing:
            described[name] = f"{', '.join(missing)} not found in {folders}: {otherwise}"
        else:
            described[name] = f"found in {places[0].parent}"
    return described
