"""Every sequence task against an oracle that does it the long way; train and test data apart."""

import math

import numpy as np
import pytest
import torch

from twm.errors import UserError
from twm.tasks.datasets import Images, load_small_mnist
from twm.tasks.images import NoisyRowTask, PixelTask, find_stand_in, parse_sequence_task
from twm.tasks.sequences import AddingTask, CopyTask
from twm.theory.systems import parse_task, rollout
from twm.training.plans import SequencePlan


def make_images(count: int = 40, *colours: int) -> Images:
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 256, (count, 4, 4, *colours), dtype=np.uint8) for _ in range(2))
    return Images(train, np.arange(count) % 10, test, (np.arange(count) + 3) % 10, "made up")


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
    task, targets = CopyTask(3), CopyTask(3).draw_batch(0, 1, 5).targets
    knowing = 30.0 * torch.nn.functional.one_hot(targets, 10).float()
    assert float(task.measure_loss(knowing, targets)) < 1e-10 and float(task.measure_accuracy(knowing, targets)) == 1
    # One who answers blanks until asked and then guesses among eight.
    guess = torch.full((23, 5, 10), -1e9)
    guess[:13, :, 0] = guess[13:, :, 1:9] = 0
    assert float(task.measure_loss(guess, targets)) == pytest.approx(10 / 23 * math.log(8), rel=1e-5)
    # Blanks before the answer are easy and do not count.
    silent = torch.nn.functional.one_hot(torch.zeros_like(targets), 10).float()
    assert float(task.measure_accuracy(silent, targets)) == 0


@pytest.mark.parametrize("length", [2, 3, 100])
def test_adding_against_a_loop(length):
    inputs, targets = AddingTask(length).draw_batch(seed=0, iteration=3, count=200)
    assert inputs.shape == (length, 200, 2) and targets.shape == (200, 1)
    assert 0 <= float(inputs[..., 0].min()) and float(inputs[..., 0].max()) < 1
    places = []
    for sequence, target in zip(inputs.transpose(0, 1).tolist(), targets[:, 0].tolist()):
        first, second = (place for place, (_, mark) in enumerate(sequence) if mark)
        assert sequence[first][1] == sequence[second][1] == 1 and first < length // 2 <= second
        assert sequence[first][0] + sequence[second][0] == pytest.approx(target, rel=1e-6)
        places.append((first, second))
    found = np.array(places)
    spread = length // 20
    assert (found.min(0) <= [spread, length // 2 + spread]).all()
    assert (found.max(0) >= [length // 2 - 1 - spread, length - 1 - spread]).all()


def test_the_best_constant_answer_to_adding_has_a_loss_of_a_sixth():
    task, targets = AddingTask(50), AddingTask(50).draw_batch(0, 1, 20_000).targets
    assert float(task.measure_loss(torch.ones_like(targets), targets)) == pytest.approx(1 / 6, rel=0.05)
    assert [float(task.measure_accuracy(targets + error, targets)) for error in (0.039, 0.041)] == [1, 0]


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
    first, second = (task.draw_batch(0, iteration, 40).inputs[4:].numpy() for iteration in (1, 2))
    for mean in (first.mean(), first.std() - 1, (first * second).mean()):
        assert abs(mean) < 5 / first.size**0.5
    # A part of the test set has the noise that it has in the whole.
    assert torch.equal(task.draw_test(5, first=7).inputs, inputs[:, 7:12])
    # In the released code the noise is one for all, and so is the scale of pixels.
    fixed = NoisyRowTask("t", images, 4, 50, fixed=True)
    seen = torch.cat([fixed.draw_test(40).inputs, fixed.draw_batch(3, 2, 40).inputs], 1)
    assert torch.equal(seen[4:], seen[4:, :1].expand(-1, 80, -1)) and abs(float(seen[4:, 0].std()) - 1) < 0.2
    assert np.allclose(seen[:4, :40].numpy(), (rows + 1) / 2, atol=1e-6)


def test_images_held_out_are_those_after_the_training_images():
    images = make_images()
    task, whole = (PixelTask("t", images, 4, False, count) for count in (30, None))
    held = task.draw_test(100, part="held")
    assert task.held_count == len(held.targets) == len(images.train_labels) - 30 and whole.held_count == 0
    assert np.allclose(held.inputs[..., 0].T.numpy() * 255, images.train_images[30:].reshape(-1, 16))
    assert np.array_equal(held.targets.numpy(), images.train_labels[30:])


def test_a_stand_in_needs_no_download(monkeypatch, tmp_path):
    monkeypatch.setenv("TWM_DATA_DIR", str(tmp_path))
    assert find_stand_in("copy:5") == "copy:5" and find_stand_in("nscifar:16,100,9") == "nscifar:16,100,9"
    whole, small = SequencePlan("psmnist:14,10000", "irnn", 5), parse_sequence_task("small-psmnist:14")
    assert find_stand_in(whole.task) == small.name and small.label == "a sample of MNIST"
    # One order of pixels for both, so that a network reads one as it learnt to read the other.
    assert torch.equal(whole.make_task_at_hand().draw_test(3).inputs, small.draw_test(3).inputs)
    images = load_small_mnist()
    assert images.train_images.shape == (1000, 28, 28) and images.test_images.shape == (500, 28, 28)
    assert set(images.train_labels) == set(images.test_labels) == set(range(10))


@pytest.mark.parametrize("name", ["T3", "random:5,5,2"])
def test_a_system_asks_for_what_follows_and_is_scored_on_that_alone(name):
    task, system = parse_sequence_task(f"hds:6,{name}"), parse_task(name)
    inputs, targets = task.draw_batch(3, 7, 9)
    shown, asked = inputs[: system.history].numpy(), targets[system.history :].numpy()
    followed = np.moveaxis(rollout(system, np.moveaxis(shown, 0, 1), 6), 1, 0)[system.history :]
    assert inputs.shape == targets.shape and np.array_equal(asked, followed)
    assert not inputs[system.history :].any() and not targets[: system.history].any()
    answers = targets + (torch.arange(len(targets)) < system.history)[:, None, None] * 7.0
    assert float(task.measure_loss(answers, targets)) == 0 and float(task.measure_accuracy(answers, targets)) == 1
    answers[-2] = -answers[-2]
    assert float(task.measure_accuracy(answers, targets)) == pytest.approx(5 / 6)
    assert float(task.measure_loss(answers, targets)) == pytest.approx(4 / 6)


@pytest.mark.parametrize("name", ["copy:5", "adding:30", "hds:12,T2", "small-smnist:7", "small-psmnist:7"])
def test_a_batch_is_a_function_of_its_address_and_no_test_sequence_is_shown_in_training(name):
    task, again = parse_sequence_task(name), parse_sequence_task(name)
    assert task.name == name
    one, *others = (task.draw_batch(*address, 16) for address in ((0, 3), (1, 3), (0, 4)))
    assert all(map(torch.equal, one, again.draw_batch(0, 3, 16)))
    assert not any(torch.equal(other.inputs, one.inputs) for other in others)
    assert torch.equal(task.draw_test(5, first=9).inputs, task.draw_test(20).inputs[:, 9:14])
    batches = [task.draw_batch(0, iteration, 50).inputs for iteration in range(1, 21)]
    shown = {sequence.numpy().tobytes() for batch in batches for sequence in batch.transpose(0, 1)}
    tested = {sequence.numpy().tobytes() for sequence in task.draw_test(500).inputs.transpose(0, 1)}
    assert len(shown) > 500 and not shown & tested


WRONG = ["copy", "copy:-1", "adding:1", "psmnist:0", "psmnist:14,5,6", "sum:3", "nscifar:a", "hds:5", "hds:0,T1"]
IMPOSSIBLE = {
    "hds:5,fibonacci:2,1": "fibonacci", "hds:5,T9": "T9", "small-smnist:7,2000": "2000", "small-smnist:13": "13 x 13",
    "small-smnist:7": "batch of 2000",
}  # fmt: skip


@pytest.mark.parametrize(("name", "word"), [*((name, repr(name)) for name in WRONG), *IMPOSSIBLE.items()])
def test_tasks_that_cannot_be_are_refused_in_one_line(name, word):
    with pytest.raises(UserError) as caught:
        parse_sequence_task(name).draw_batch(0, 1, 2000)
    assert "\n" not in str(caught.value) and word in str(caught.value)
