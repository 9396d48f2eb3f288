"""Data files are found where they are promised to be looked for, checked, and refused by name."""

import gzip
import hashlib
import io
import struct
from dataclasses import replace
from http.client import IncompleteRead, InvalidURL
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twm.errors import UserError
from twm.tasks import datasets
from twm.tasks.datasets import MNIST_FILES, DataFile, describe_data, find_file, load_cifar10, load_mnist, read_file

CONTENT = b"what the file should hold"
MIRRORS = ("https://one.example/", "https://two.example/")
WANTED = DataFile("data-ubyte", hashlib.sha256(CONTENT).hexdigest(), True, ("mnist",), MIRRORS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder and an empty cache of the test's own, and no network."""
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    monkeypatch.setenv("TWM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for load in (load_mnist, load_cifar10):
        monkeypatch.setattr(datasets, load.__name__, load.__wrapped__)  # without its memory
    serve(monkeypatch, {})
    return tmp_path / "data"


def serve(monkeypatch: pytest.MonkeyPatch, pages: dict[str, bytes], error=OSError("no route to host")) -> list[str]:
    """Answer requests from ``pages``; all others fail. Returns what was asked for."""
    asked = []

    def open_address(address: str, timeout: float):
        asked.append(address)
        if address not in pages:
            raise error
        return io.BytesIO(pages[address])

    monkeypatch.setattr("urllib.request.urlopen", open_address)
    return asked


@pytest.mark.parametrize("place", ["data-ubyte", "data-ubyte.gz", "mnist/data-ubyte", "mnist/data-ubyte.gz"])
def test_a_file_is_found_packed_or_not_and_in_its_folder(folder, place):
    (folder / place).write_bytes(gzip.compress(CONTENT, mtime=0) if place.endswith("gz") else CONTENT)
    assert read_file(WANTED) == CONTENT


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("data-ubyte", CONTENT[:-1] + b"!", "SHA-256"), ("data-ubyte.gz", gzip.compress(CONTENT, mtime=0)[:-9], "truncated"),
])  # fmt: skip
def test_a_wrong_file_is_refused_by_name_and_not_replaced(folder, monkeypatch, name, content, reason):
    asked = serve(monkeypatch, {f"{MIRRORS[0]}data-ubyte.gz": gzip.compress(CONTENT, mtime=0)})
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=reason) as caught:
        read_file(WANTED)
    assert str(folder / name) in str(caught.value) and "\n" not in str(caught.value) and not asked


def test_a_missing_file_is_fetched_from_the_first_mirror_that_has_it_right(folder, tmp_path, monkeypatch):
    contents = (b"something else", CONTENT)
    pages = {f"{mirror}data-ubyte.gz": gzip.compress(content, mtime=0) for mirror, content in zip(MIRRORS, contents)}
    asked = serve(monkeypatch, pages)
    assert read_file(WANTED) == CONTENT and asked == list(pages)
    assert read_file(WANTED) == CONTENT and asked == list(pages), "the second time from the cache"
    assert find_file(WANTED) == tmp_path / "cache" / "twm" / "data-ubyte.gz"
    (folder / "data-ubyte").write_bytes(CONTENT)
    assert find_file(WANTED) == folder / "data-ubyte", "the named folder comes before the cache"


@pytest.mark.parametrize("error", [InvalidURL("80a"), IncompleteRead(b"half"), ValueError("no url"), TimeoutError()])
def test_whatever_a_mirror_or_a_proxy_does_the_next_is_tried_and_then_one_line_tells(folder, monkeypatch, error):
    asked = serve(monkeypatch, {f"{MIRRORS[1]}data-ubyte.gz": gzip.compress(CONTENT, mtime=0)}, error)
    assert read_file(WANTED) == CONTENT and len(asked) == 2
    serve(monkeypatch, {}, error)
    with pytest.raises(UserError, match="could not be downloaded") as caught:
        read_file(replace(WANTED, name="other-ubyte"))
    assert f"({str(error) or 'TimeoutError'})" in str(caught.value) and "\n" not in str(caught.value)


def test_offline_one_line_says_which_file_to_put_where(folder, monkeypatch):
    names = [wanted.names[-1] for wanted in MNIST_FILES]
    for load, words in (
        (lambda: read_file(WANTED), ("data-ubyte.gz", str(folder), "no route to host")),
        (datasets.load_mnist, names),
        (datasets.load_cifar10, ("cifar10_jpeg.npz", "no mirror")),
    ):
        with pytest.raises(UserError) as caught:
            load()
        assert "\n" not in str(caught.value) and all(word in str(caught.value) for word in words)
    for name in (str(folder / "nowhere"), "~nowhere", "nowhere" * 50):
        monkeypatch.setenv("TWM_DATA_DIR", name)
        with pytest.raises(UserError, match="nowhere is not a folder"):
            read_file(WANTED)
        assert "nowhere" in describe_data()["images"]


def test_mnist_is_read_as_it_is_written(folder, monkeypatch):
    generator, wanted = np.random.default_rng(0), []
    arrays = [generator.integers(0, 256, shape, dtype=np.uint8) for shape in ((6, 28, 28), (6,), (3, 28, 28), (3,))]
    for real, array in zip(MNIST_FILES, arrays):
        content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
        (folder / f"{real.name}.gz").write_bytes(gzip.compress(content, mtime=0))
        wanted.append(DataFile(real.name, hashlib.sha256(content).hexdigest(), True))
    monkeypatch.setattr(datasets, "MNIST_FILES", tuple(wanted))
    found = datasets.load_mnist()
    assert all(np.array_equal(a, b) for a, b in zip(found[:4], arrays)) and found.label == ""
    assert "found in" in describe_data()["MNIST"]


def test_recompressed_images_carry_their_label(folder, monkeypatch):
    blobs, archive = [], io.BytesIO()
    for colour in ((255, 0, 0), (0, 0, 255)):
        stream = io.BytesIO()
        Image.new("RGB", (32, 32), colour).save(stream, "JPEG", quality=95)
        blobs.append(np.frombuffer(stream.getvalue(), np.uint8))
    arrays = {"blob": np.concatenate(blobs), "offsets": np.cumsum([0, *map(len, blobs)]), "split": np.array([0, 1])}
    np.savez(archive, labels=np.array([4, 7], np.uint8), **arrays)
    (folder / "cifar10_jpeg.npz").write_bytes(archive.getvalue())
    digest = hashlib.sha256(archive.getvalue()).hexdigest()
    monkeypatch.setattr(datasets, "CIFAR10_FILES", (DataFile("cifar10_jpeg.npz", digest),))
    found = datasets.load_cifar10()
    assert "recompressed" in found.label and found.train_labels.tolist() == [4] and found.test_labels.tolist() == [7]
    assert np.abs(found.train_images[0].astype(int) - [255, 0, 0]).max() < 5
    assert found.test_images.shape == (1, 32, 32, 3)
