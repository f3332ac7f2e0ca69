"""Training: it learns, it goes on after a break as if there had been none, and it refuses foreign checkpoints."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stl_algebra import Format, InvalidInput
from stl_bench.compression.conversions import Converter, Method
from stl_bench.data.images import Images, augmented, digits, images_of, resized
from stl_bench.networks.image_network import ImageNetwork
from stl_bench.networks.t2t_vit import T2TViT, ViTShape
from stl_bench.networks.vit_training import Recipe, accuracy, train
from stl_bench.networks.vit_variants import Variant, build, random_encoder

SMALL = ViTShape(width=24, depth=1, token_width=8)
SHORT = Recipe(steps=12, batch=16, every=4)


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


def test_the_halves_of_the_digits_are_fixed_and_disjoint(images: Images) -> None:
    again = digits()
    assert torch.equal(images.train, again.train)
    assert (len(images.train), len(images.test), images.classes) == (898, 899, 10)
    seen = {image.numpy().tobytes() for image in images.train}
    assert sum(image.numpy().tobytes() in seen for image in images.test) == 0
    assert images.train.max() == 1


def test_it_learns(images: Images) -> None:
    model = build(SMALL, Variant(), None, 0)
    first, *_, last = train(model, 16, images, Recipe(steps=120, batch=32, rate=5e-3, every=20))
    assert last.loss < first.loss
    assert last.accuracy > 0.2  # of ten classes; the networks of four seeds came to .4 to .58
    assert last.accuracy == accuracy(model, 16, images.test, images.test_labels)


@pytest.mark.parametrize("variant", [Variant(), Variant(24, "random", True)])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(variant: Variant, images: Images, tmp_path: Path) -> None:
    whole, broken, resumed = (build(SMALL, variant, None, 0) for _ in range(3))
    expected = list(train(whole, 16, images, SHORT))
    checkpoint = tmp_path / "run.pt"
    stopped = list(islice(train(broken, 16, images, SHORT, checkpoint), 2))
    found = list(train(resumed, 16, images, SHORT, checkpoint))
    assert [point.step for point in stopped] == [4, 8]
    assert found == expected
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_foreign_and_damaged_checkpoints_are_refused(images: Images, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    list(train(T2TViT(SMALL), 16, images, replace(SHORT, steps=4), checkpoint))
    with pytest.raises(InvalidInput, match="another recipe"):
        next(train(T2TViT(SMALL), 16, images, SHORT, checkpoint))
    with pytest.raises(InvalidInput, match="does not fit this model"):
        next(train(T2TViT(replace(SMALL, depth=2)), 16, images, replace(SHORT, steps=4), checkpoint))
    checkpoint.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidInput, match="remove it to start again"):
        next(train(T2TViT(SMALL), 16, images, SHORT, checkpoint))


def test_augmentation_moves_images_and_leaves_their_mass(images: Images) -> None:
    generator = torch.Generator().manual_seed(0)
    moved, still = augmented(images.train[:64], 16, generator), resized(images.train[:64], 16)
    assert moved.shape == still.shape == (64, 1, 16, 16)
    assert not torch.allclose(moved, still, atol=0.1)
    assert float(moved.mean() / still.mean()) == pytest.approx(1.0, abs=0.1)
    again = augmented(images.train[:64], 16, torch.Generator().manual_seed(0))
    assert torch.equal(moved, again)
    assert not torch.allclose(augmented(images.train[:64], 16, torch.Generator().manual_seed(0), flip=True), moved)
    # Unchanged where it is not resized.
    torch.testing.assert_close(resized(images.train[:4], 8), images.train[:4], atol=1e-5, rtol=1e-5)


def test_images_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "images.safetensors"
    pixels = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    held = {
        "train": pixels,
        "test": pixels.clone(),
        "train_labels": torch.arange(4),
        "test_labels": torch.arange(4).clone(),
    }
    save_file(held, file)
    found = images_of(file)
    torch.testing.assert_close(found.train * 255, pixels.float())
    assert found.classes == 4
    save_file({**held, "test_labels": torch.arange(3)}, file)
    with pytest.raises(InvalidInput, match="as many labels"):
        images_of(file)
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidInput, match="does not hold labelled images"):
        images_of(file)


def test_the_trained_network_is_kept_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(steps=10, batch=32, every=10)
    first = ImageNetwork(200, 64, recipe, tmp_path)
    monkeypatch.setattr("stl_bench.networks.image_network.train", lambda *_: pytest.fail("it trained again"))
    network = ImageNetwork(200, 64, recipe, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), network.model.parameters(), strict=True))
    dense = network.measure(network.model)
    assert (dense["agreement"], dense["divergence"]) == (1.0, pytest.approx(0.0, abs=1e-6))
    assert dense["accuracy"] == accuracy(network.model, 16, digits().test[:200], digits().test_labels[:200])
    done = Converter(network, random_encoder(Format(4, 4, 4), 24, 0), 0.375).convert(Method("stl"))
    linears = [name for name, module in network.model.named_modules() if hasattr(module, "in_features")]
    assert list(done.layers) == [name for name in linears if name.startswith(("blocks.", "embed"))]
    assert network.measure(done.model)["divergence"] > 1e-3
