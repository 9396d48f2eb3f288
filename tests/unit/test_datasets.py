"""Data files are found where they are promised to be looked for, checked, and refused by name."""

import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from twm.errors import UserError
from twm.tasks import datasets
from twm.tasks.datasets import MNIST_FILES, DataFile, describe_data, find_file, load_cifar10, load_mnist, read_file

CONTENT = b"what the file should hold"


def make_wanted(**more) -> DataFile:
    options = {"packed": True, "folders": ("mnist",), "mirrors": ("https://one.example/", "https://two.example/")}
    return DataFile("data-ubyte", hashlib.sha256(CONTENT).hexdigest(), **options | more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder and an empty cache of the test's own, and no network."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("TWM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for load in (load_mnist, load_cifar10):
        load.cache_clear()
    serve(monkeypatch, {})
    yield tmp_path / "data"
    for load in (load_mnist, load_cifar10):
        load.cache_clear()


def serve(monkeypatch: pytest.MonkeyPatch, pages: dict[str, bytes]) -> list[str]:
    """Answer requests from ``pages``; all others fail. Returns what was asked for."""
    asked = []

    def open_address(address: str, timeout: float):
        asked.append(address)
        if address not in pages:
            raise OSError("no route to host")
        return io.BytesIO(pages[address])

    monkeypatch.setattr("urllib.request.urlopen", open_address)
    return asked


@pytest.mark.parametrize("place", ["data-ubyte", "data-ubyte.gz", "mnist/data-ubyte", "mnist/data-ubyte.gz"])
def test_a_file_is_found_packed_or_not_and_in_its_folder(folder, place):
    (folder / "mnist").mkdir()
    (folder / place).write_bytes(gzip.compress(CONTENT, mtime=0) if place.endswith("gz") else CONTENT)
    assert read_file(make_wanted()) == CONTENT


def test_the_named_folder_comes_before_the_cache(folder, tmp_path):
    cache = tmp_path / "cache" / "twm"
    cache.mkdir(parents=True)
    (cache / "data-ubyte").write_bytes(CONTENT)
    assert find_file(make_wanted()) == cache / "data-ubyte" and read_file(make_wanted()) == CONTENT
    (folder / "data-ubyte").write_bytes(CONTENT)
    assert find_file(make_wanted()) == folder / "data-ubyte"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("data-ubyte", CONTENT[:-1] + b"!", "SHA-256"),
        ("data-ubyte.gz", gzip.compress(CONTENT, mtime=0)[:-9], "cut short"),
        ("data-ubyte.gz", CONTENT, "cut short"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_not_replaced(folder, monkeypatch, name, content, reason):
    asked = serve(monkeypatch, {"https://one.example/data-ubyte.gz": gzip.compress(CONTENT, mtime=0)})
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=reason) as caught:
        read_file(make_wanted())
    assert str(folder / name) in str(caught.value) and "\n" not in str(caught.value) and not asked


def test_a_missing_file_is_fetched_from_the_first_mirror_that_has_it_right(folder, tmp_path, monkeypatch):
    pages = {
        "https://one.example/data-ubyte.gz": gzip.compress(b"something else"),
        "https://two.example/data-ubyte.gz": gzip.compress(CONTENT, mtime=0),
    }
    asked = serve(monkeypatch, pages)
    assert read_file(make_wanted()) == CONTENT and asked == list(pages)
    asked.clear()
    assert read_file(make_wanted()) == CONTENT and not asked
    assert [path.name for path in (tmp_path / "cache" / "twm").iterdir()] == ["data-ubyte.gz"]


def test_offline_one_line_says_which_file_to_put_where(folder):
    with pytest.raises(UserError) as caught:
        read_file(make_wanted())
    line = str(caught.value)
    assert "\n" not in line and all(word in line for word in ("data-ubyte.gz", str(folder), "no route to host"))
    with pytest.raises(UserError) as caught:
        load_mnist()
    assert all(wanted.names[-1] in str(caught.value) for wanted in MNIST_FILES)
    with pytest.raises(UserError, match="cifar10_jpeg.npz.*no mirror"):
        load_cifar10()


def test_a_data_folder_that_is_none_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("TWM_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="nowhere is not a folder"):
        read_file(make_wanted())
    assert "nowhere" in describe_data()["images"]


def test_mnist_is_read_as_it_is_written(folder, monkeypatch):
    generator, wanted = np.random.default_rng(0), []
    arrays = [generator.integers(0, 256, shape, dtype=np.uint8) for shape in ((6, 28, 28), (6,), (3, 28, 28), (3,))]
    for real, array in zip(MNIST_FILES, arrays):
        content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
        (folder / f"{real.name}.gz").write_bytes(gzip.compress(content, mtime=0))
        wanted.append(DataFile(real.name, hashlib.sha256(content).hexdigest(), True))
    monkeypatch.setattr(datasets, "MNIST_FILES", tuple(wanted))
    found = load_mnist()
    assert all(np.array_equal(a, b) for a, b in zip(found[:4], arrays)) and found.label == ""
    assert "found in" in describe_data()["MNIST"]


def test_recompressed_images_carry_their_label(folder, monkeypatch):
    from PIL import Image

    blobs = []
    for colour in ((255, 0, 0), (0, 0, 255)):
        stream = io.BytesIO()
        Image.new("RGB", (32, 32), colour).save(stream, "JPEG", quality=95)
        blobs.append(np.frombuffer(stream.getvalue(), np.uint8))
    archive = io.BytesIO()
    np.savez(
        archive, blob=np.concatenate(blobs), offsets=np.cumsum([0, *map(len, blobs)]), labels=np.array([4, 7], np.uint8),
        split=np.array([0, 1], np.uint8),
    )  # fmt: skip
    content = archive.getvalue()
    (folder / "cifar10_jpeg.npz").write_bytes(content)
    monkeypatch.setattr(datasets, "CIFAR10_FILES", (DataFile("cifar10_jpeg.npz", hashlib.sha256(content).hexdigest()),))
    found = load_cifar10()
    assert "recompressed" in found.label and found.train_labels.tolist() == [4] and found.test_labels.tolist() == [7]
    assert np.abs(found.train_images[0].astype(int) - [255, 0, 0]).max() < 5
    assert found.test_images.shape == (1, 32, 32, 3)
