"""What the explorer page carries: the recorded networks, bit for bit, and a still of them."""

import base64
import json

import numpy as np
import pytest
import torch

from twm.book.explorer import PARTS, draw_still, make_network_script, pack_network, pack_networks
from twm.errors import UserError
from twm.models.elman import read_network, write_network
from twm.models.kernels import draw_weights


@pytest.fixture(scope="module")
def packed() -> tuple:
    return pack_networks()


def test_every_network_is_packed_as_recorded(packed, root):
    script = make_network_script()
    data = json.loads(script.partition("=")[2].strip().rstrip(";"))
    assert len(script) < 1_500_000
    for entry, network in zip(data["networks"], packed, strict=True):
        numbers = np.frombuffer(base64.b64decode(entry["numbers"]), dtype="<f4")
        shapes = [network.matrices[part].shape for part in PARTS]
        assert len(numbers) == sum(np.prod(shape) for shape in shapes)
        parts = np.split(numbers, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
        recorded = read_network(root / "book" / "results" / "networks" / f"{entry['record']}.safetensors")[0]
        for part, shape, wanted in zip(parts, shapes, recorded.get_matrices()):
            assert (part.reshape(shape) == wanted.astype(np.float32)).all()
        basis, dual = parts[3].reshape(shapes[3]), parts[4].reshape(shapes[4])
        assert np.abs(dual.astype(float) @ basis - np.eye(len(dual))).max() < 0.15
        assert len(entry["coordinates"]) == shapes[3][1] == network.task.size or entry["name"] in ("T2", "T3", "T4")


def test_the_still_shows_the_text_turned(packed):
    figure = draw_still(packed[0], "3141", 18)
    picture, _, variables, outputs = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert (np.sign(variables) == np.roll(picture, -2, axis=1)).all()
    assert (np.sign(outputs) == np.concatenate([picture, picture[:, :2]], axis=1)).all()


def test_what_the_page_cannot_show_is_refused(packed, tmp_path):
    weights = draw_weights(1, 4, "uniform", torch.Generator().manual_seed(0))
    write_network(tmp_path / "fibonacci.safetensors", weights, {"task": "fibonacci:2,1"})
    with pytest.raises(UserError, match="selection task"):
        pack_network("Fibonacci", tmp_path / "fibonacci.safetensors")
    with pytest.raises(UserError, match="shape"):
        draw_still(packed[0], "31", 4)
