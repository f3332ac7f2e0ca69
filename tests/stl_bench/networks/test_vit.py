"""The vision transformer and its variants: what they compute, and that tiles keep to one image."""

from __future__ import annotations

import pytest
import torch

from stl_algebra import Format, InvalidInput, TileEncoder, kronecker, strassen
from stl_bench.networks.t2t_vit import T2TViT, ViTShape, soft_split
from stl_bench.networks.vit_variants import Variant, build, random_encoder, shares
from stl_nn.linear import STLLinear

SMALL = ViTShape(width=24, depth=1, token_width=8)


def test_a_soft_split_is_overlapping_patches_row_by_row() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    tokens = soft_split(image, (3, 2, 1))
    assert tokens.shape == (1, 4, 9)
    assert tokens[0, 0].tolist() == [0, 0, 0, 0, 0, 1, 0, 4, 5]
    assert tokens[0, 3].tolist() == [5, 6, 7, 9, 10, 11, 13, 14, 15]


def test_shapes_that_leave_nothing_are_refused() -> None:
    with pytest.raises(InvalidInput, match="5 heads do not divide a width of 96"):
        ViTShape(heads=5)
    with pytest.raises(InvalidInput, match="leave no token"):
        ViTShape(image=2, splits=((7, 4, 0),))


@pytest.mark.parametrize("variant", [Variant(), Variant(40, "random"), Variant(40, "random", True)])
def test_what_an_image_is_classified_as_does_not_depend_on_its_neighbours(variant: Variant) -> None:
    model = build(SMALL, variant, None, 0).eval()
    images = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model(images)[1:2], model(images[1:2]), atol=1e-5, rtol=1e-4)


def test_tiles_that_would_straddle_images_are_refused() -> None:
    with pytest.raises(InvalidInput, match="straddle two images"):
        build(ViTShape(image=12), Variant(40, "random"), None, 0)


def test_variants_of_a_seed_start_from_the_same_weights() -> None:
    exact = kronecker(strassen(), strassen())
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    dense, stl, other = (
        build(SMALL, Variant(), None, 3),
        build(SMALL, Variant(49), exact, 3),
        build(SMALL, Variant(), None, 4),
    )
    with torch.no_grad():
        torch.testing.assert_close(stl(images), dense(images), atol=1e-4, rtol=1e-4)
        assert not torch.allclose(other(images), dense(images), atol=1e-2)
    with pytest.raises(InvalidInput, match="needs an encoder"):
        build(SMALL, Variant(49), None, 3)


def test_learnable_encoders_learn_and_frozen_ones_do_not() -> None:
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    for learnable in (False, True):
        model = build(SMALL, Variant(24, "random", learnable), None, 0)
        layer = model.embed
        assert isinstance(layer, STLLinear)
        model(images).square().sum().backward()
        assert layer.encode_x.requires_grad is learnable
        assert (layer.encode_x.grad is not None) is learnable
        assert layer.encoded_weight is not None
        assert layer.encoded_weight.grad is not None


def test_channels_start_at_unit_gain() -> None:
    given = random_encoder(Format(4, 4, 4), 24, 0)
    scaled = TileEncoder(given.format, 3 * given.encode_x, given.encode_w, 5 * given.decode)
    layer = build(SMALL, Variant(24), scaled, 0).embed
    assert isinstance(layer, STLLinear)
    assert torch.allclose(layer.encode_x.norm(dim=1), torch.ones(24))
    assert torch.allclose(layer.decode.norm(dim=0), torch.ones(24))
    assert layer.encoder.growth == pytest.approx(scaled.growth)


def test_a_random_encoder_keeps_the_variance_of_the_output() -> None:
    layer = STLLinear(256, 256, random_encoder(Format(4, 4, 4), 24, 0), bias=False)
    x = torch.randn(512, 256, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert float(layer(x).var() / (256 * 1 / (3 * 256))) == pytest.approx(1.0, rel=0.2)


def test_multiplications_are_counted() -> None:
    dense, stl = (shares(build(ViTShape(), v, None, 0), ViTShape()) for v in (Variant(), Variant(24, "random")))
    backbone = 16 * (288 * 96 + 3 * 8 * 96 * 96)
    assert dense["linear"] * 1e6 == 64 * (9 * 32 + 6 * 32 * 32) + backbone + 96 * 10
    assert (dense["linear"] - stl["linear"]) * 1e6 == pytest.approx(backbone * (1 - 24 / 64))
    assert stl["linear"] < stl["total"] < dense["total"]


def test_the_model_of_larger_images_is_the_same_code() -> None:
    shape = ViTShape(image=32, channels=3, classes=5, width=24, depth=1, token_width=8)
    assert T2TViT(shape)(torch.zeros(2, 3, 32, 32)).shape == (2, 5)
