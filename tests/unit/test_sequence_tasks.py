"""Every sequence task against an oracle that does it the long way; train and test data apart."""

import math

import numpy as np
import pytest
import torch
from twm.errors import UserError
from twm.tasks.datasets import Images, load_small_mnist
from twm.tasks.images import NoisyRowTask, PixelTask, find_stand_in
from twm.tasks.parsing import parse_sequence_task
from twm.tasks.sequences import AddingTask, CopyTask
from twm.theory.systems import parse_task, rollout
from twm.training.plans import SequencePlan


def make_images(count: int = 40, *colours: int) -> Images:
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 256, (count, 4, 4, *colours), dtype=np.uint8) for _ in range(2))
    return Images(train, np.arange(count) % 10, test, (np.arange(count) + 3) % 10, "made up")


# ---- copy


@pytest.mark.parametrize("wait", [0, 1, 30])
def test_copy_against_a_reader_with_paper_and_pencil(wait):
    inputs, targets = CopyTask(wait).draw_batch(seed=1, iteration=7, count=50)
    assert inputs.shape == (wait + 20, 50, 10) and targets.shape == (wait + 20, 50)
    assert bool((inputs.sum(-1) == 1).all())
    for shown, wanted in zip(inputs.argmax(-1).T.tolist(), targets.T.tolist()):
        heard, answer, waiting = [], [], True
        for category in shown:
            if waiting:
                heard += [category] if category else []
                answer.append(0)
                # The delimiter says that the answer begins; without a wait it is the last thing heard.
                if category == 9:
                    waiting = False
                    heard = heard if wait == 0 else heard[:-1]
            else:
                assert category == 0
                answer.append(heard.pop(0))
        assert answer == wanted and not heard and len(shown) == len(answer)


def test_copy_loss_and_accuracy_by_hand():
    task = CopyTask(3)
    _, targets = task.draw_batch(0, 1, 5)
    knowing = 30.0 * torch.nn.functional.one_hot(targets, 10).float()
    assert float(task.measure_loss(knowing, targets)) < 1e-10 and float(task.measure_accuracy(knowing, targets)) == 1
    # One who answers blanks until asked and then guesses among eight.
    guess = torch.full((23, 5, 10), -1e9)
    guess[:13, :, 0] = 0
    guess[13:, :, 1:9] = 0
    assert float(task.measure_loss(guess, targets)) == pytest.approx(10 / 23 * math.log(8), rel=1e-5)


# ---- adding


@pytest.mark.parametrize("length", [2, 3, 100])
def test_adding_against_a_loop(length):
    inputs, targets = AddingTask(length).draw_batch(seed=0, iteration=3, count=200)
    assert inputs.shape == (length, 200, 2) and targets.shape == (200, 1)
    places = []
    for sequence, target in zip(inputs.transpose(0, 1).tolist(), targets[:, 0].tolist()):
        marked = [place for place, (_, mark) in enumerate(sequence) if mark]
        assert [mark for _, mark in sequence if mark] == [1.0, 1.0]
        assert marked[0] < length // 2 <= marked[1]
        assert sum(sequence[place][0] for place in marked) == pytest.approx(target, rel=1e-6)
        assert all(0 <= number < 1 for number, _ in sequence)
        places.append(marked)
    if length == 100:
        first, second = np.array(places).T
        assert first.min() <= 2 and first.max() >= 47 and second.min() <= 52 and second.max() >= 97


def test_the_best_constant_answer_to_adding_has_a_loss_of_a_sixth():
    task = AddingTask(50)
    targets = task.draw_batch(0, 1, 20_000).targets
    assert float(task.measure_loss(torch.ones_like(targets), targets)) == pytest.approx(1 / 6, rel=0.05)
    assert [float(task.measure_accuracy(targets + error, targets)) for error in (0.039, 0.041)] == [1, 0]


# ---- images


def test_pixels_come_in_reading_order_and_permuted_ones_in_one_fixed_order():
    images = make_images()
    plain, mixed, small = (
        PixelTask("t", images, side, permuted).draw_test(40) for side, permuted in ((4, False), (4, True), (2, False))
    )
    assert np.array_equal(plain.targets.numpy(), images.test_labels) and plain.inputs.shape == (16, 40, 1)
    pixels = images.test_images.reshape(40, 16).T / np.float32(255)
    assert np.allclose(plain.inputs[..., 0].numpy(), pixels)
    assert not torch.equal(mixed.inputs, plain.inputs)
    assert torch.equal(mixed.inputs.sort(0).values, plain.inputs.sort(0).values)
    # A smaller image is made of the means of blocks.
    blocks = images.test_images.reshape(40, 2, 2, 2, 2).mean((2, 4)).reshape(40, 4).T / 255
    assert np.allclose(small.inputs[..., 0].numpy(), blocks)


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    images = make_images(41)
    task = PixelTask("t", images, 4, False)
    known = {tuple(image.reshape(-1).tolist()): label for image, label in zip(images.train_images, images.train_labels)}
    epochs = [[], []]
    for place in range(8):
        inputs, labels = task.draw_batch(seed=0, iteration=1 + place, count=10)
        for pixels, label in zip((inputs[..., 0] * 255).round().int().T.tolist(), labels.tolist()):
            assert known[tuple(pixels)] == label
            epochs[place // 4].append(tuple(pixels))
    assert len(set(epochs[0])) == len(set(epochs[1])) == 40 and epochs[0] != epochs[1]
    assert not torch.equal(task.draw_batch(1, 6, 10).inputs, task.draw_batch(0, 6, 10).inputs)


def test_rows_then_noise_that_is_new_in_every_batch():
    images = make_images(40, 3)
    task = NoisyRowTask("t", images, 4, 50)
    inputs, targets = task.draw_test(40)
    assert inputs.shape == (50, 40, 12) and np.array_equal(targets.numpy(), images.test_labels)
    rows = images.test_images.reshape(40, 4, 12).transpose(1, 0, 2) / 127.5 - 1
    assert np.allclose(inputs[:4].numpy(), rows, atol=1e-6)
    noise = inputs[4:].numpy()
    assert abs(noise.mean()) < 5 / noise.size**0.5 and abs(noise.std() - 1) < 5 / noise.size**0.5
    first, second = (task.draw_batch(0, iteration, 8).inputs[4:] for iteration in (1, 2))
    assert abs(float((first * second).mean())) < 5 / first.numel() ** 0.5
    # A part of the test set has the noise that it has in the whole.
    assert torch.equal(task.draw_test(5, first=7).inputs, inputs[:, 7:12])


def test_a_stand_in_needs_no_download(monkeypatch, tmp_path):
    monkeypatch.setenv("TWM_DATA_DIR", str(tmp_path))
    assert find_stand_in("copy:5") == "copy:5" and find_stand_in("nscifar:16,100,9") == "nscifar:16,100,9"
    whole, small = SequencePlan("psmnist:14,10000", "irnn", 5), parse_sequence_task("small-psmnist:14")
    assert find_stand_in(whole.task) == small.name and small.label == "a small part of MNIST"
    # One order of pixels for both, so that a network reads one as it learnt to read the other.
    assert torch.equal(whole.make_task_at_hand().draw_test(3).inputs, small.draw_test(3).inputs)
    images = load_small_mnist()
    assert images.train_images.shape == (1000, 28, 28) and images.test_images.shape == (500, 28, 28)
    assert set(images.train_labels) == set(images.test_labels) == set(range(10))


# ---- systems


@pytest.mark.parametrize("name", ["T3", "random:5,5,2"])
def test_a_system_asks_for_what_follows(name):
    task, system = parse_sequence_task(f"hds:21,{name}"), parse_task(name)
    inputs, targets = task.draw_batch(3, 7, 9)
    assert inputs.shape == targets.shape == (system.history + 21, 9, system.dim)
    initial = inputs[: system.history].numpy()
    later = np.moveaxis(rollout(system, np.moveaxis(initial, 0, 1), 21), 1, 0)[system.history :]
    assert np.array_equal(targets[system.history :].numpy(), later)
    assert not inputs[system.history :].any() and not targets[: system.history].any()


def test_a_system_is_scored_in_the_output_phase_alone():
    task = parse_sequence_task("hds:6,repeat-copy:3,2")
    targets = task.draw_test(50).targets
    answers = targets.clone()
    answers[:3] = 7.0
    assert float(task.measure_loss(answers, targets)) == 0 and float(task.measure_accuracy(answers, targets)) == 1
    answers[4] = -answers[4]
    assert float(task.measure_accuracy(answers, targets)) == pytest.approx(5 / 6)
    assert float(task.measure_loss(answers, targets)) == pytest.approx(4 / 6)


# ---- what all share


NAMES = ["copy:5", "adding:30", "hds:12,T2", "small-smnist:7", "small-psmnist:7"]


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_a_function_of_its_address(name):
    task, again = parse_sequence_task(name), parse_sequence_task(name)
    assert task.name == name
    one, same = task.draw_batch(0, 3, 16), again.draw_batch(0, 3, 16)
    assert torch.equal(one.inputs, same.inputs) and torch.equal(one.targets, same.targets)
    for seed, iteration in ((1, 3), (0, 4)):
        assert not torch.equal(task.draw_batch(seed, iteration, 16).inputs, one.inputs)
    assert torch.equal(task.draw_test(5, first=9).inputs, task.draw_test(20).inputs[:, 9:14])


@pytest.mark.parametrize("name", NAMES)
def test_no_test_sequence_is_shown_in_training(name):
    task = parse_sequence_task(name)
    batches = [task.draw_batch(0, iteration, 50).inputs for iteration in range(1, 21)]
    shown = {sequence.numpy().tobytes() for batch in batches for sequence in batch.transpose(0, 1)}
    tested = {sequence.numpy().tobytes() for sequence in task.draw_test(500).inputs.transpose(0, 1)}
    assert len(shown) > 500 and not shown & tested


@pytest.mark.parametrize(
    "name", ["copy", "copy:-1", "adding:1", "psmnist:0", "psmnist:14,5,6", "sum:3", "nscifar:a", "hds:5", "hds:0,T1"]
)
def test_wrong_names_are_one_line(name):
    with pytest.raises(UserError) as caught:
        parse_sequence_task(name)
    assert "\n" not in str(caught.value) and repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("hds:5,fibonacci:2,1", "fibonacci"),
        ("hds:5,T9", "T9"),
        ("small-smnist:7,2000", "2000"),
        ("small-smnist:13", "13 x 13"),
        ("small-smnist:7", "batch of 2000"),
    ],
)
def test_tasks_that_cannot_be_are_refused(name, word):
    with pytest.raises(UserError, match=word):
        parse_sequence_task(name).draw_batch(0, 1, 2000)
