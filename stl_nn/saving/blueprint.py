"""What a converted model has beside its dense architecture, all but the numbers: layers, places, encoders."""

from __future__ import annotations

from typing import Self

from stl_algebra import TileEncoder
from stl_nn.saving.layer_blueprint import LayerBlueprint, Written

#: What to do if a model is not the one saved.
BUILD_ANEW = "build the model by the configuration that was converted"


class Part(Written, frozen=True):
    """One of the layers that a joined layer stands for.

    Parameters
    ----------
    name : str
        Of the layer.
    out_features : int
        How many of the outputs are its own.
    """

    name: str
    out_features: int


class PlacedBlueprint(Written, frozen=True):
    """A layer and what it stands for in the dense model.

    Parameters
    ----------
    layer : LayerBlueprint
        The layer.
    replaces : str
        The name of the type: Linear, Conv1D of transformers, or Conv1d, Conv2d, Conv3d.
    stride : tuple of int
        Of the convolution; empty for others.
    parts : tuple of Part
        Of a joined layer, in order; empty for others.
    """

    layer: LayerBlueprint
    replaces: str
    stride: tuple[int, ...]
    parts: tuple[Part, ...]

    def sites(self, name: str) -> dict[str, int]:
        """The layers of the dense model that it stands for, and how many outputs each has.

        Parameters
        ----------
        name : str
            The name that the layer has.

        Returns
        -------
        dict
            Outputs by name.

        Examples
        --------
        >>> from stl_nn.saving.layer_blueprint import DenseBlueprint
        >>> PlacedBlueprint(DenseBlueprint(4, 8, True), "Linear", (), (Part("q", 5), Part("k", 3))).sites("q.joined")
        {'q': 5, 'k': 3}
        """
        return {part.name: part.out_features for part in self.parts} or {name: self.layer.out_features}


class EncoderBlueprint(Written, frozen=True):
    """What an encoder is but for its coefficients; exact ones are read by the denominators, see `TileEncoder`.

    Parameters
    ----------
    format : tuple of int
        As of `TileEncoder`.
    ring : str
        As of `TileEncoder`.
    denominators : tuple of int
        As of `TileEncoder`.
    """

    format: tuple[int, ...]
    ring: str
    denominators: tuple[int, ...]

    @classmethod
    def of(cls, encoder: TileEncoder) -> Self:
        """The blueprint of an encoder.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder.

        Returns
        -------
        Self
            The blueprint.
        """
        return cls(tuple(encoder.format), str(encoder.ring), encoder.denominators)


class ModelBlueprint(Written, frozen=True):
    """What a converted model has beside its dense architecture.

    Parameters
    ----------
    layers : dict
        The layers that are not those of the dense architecture, by name.
    groups : tuple of tuple of str
        The names of STLLinear layers that share an encoded input, in order.
    encoders : dict
        The encoders by digest.
    """

    layers: dict[str, PlacedBlueprint]
    groups: tuple[tuple[str, ...], ...]
    encoders: dict[str, EncoderBlueprint]
