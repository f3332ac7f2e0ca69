"""The words of the report."""

from __future__ import annotations

from stl_bench.report.section import Section

TERMS = (
    (
        "STL",
        "the Strassen-tile operator: inputs and weights are cut into tiles, each tile is encoded by a small matrix "
        "into r numbers, these are multiplied and summed channel by channel, and the sums are decoded.",
    ),
    (
        "⟨4,4,4⟩, r",
        "the format of a tile encoder: it multiplies a 4 × 4 tile by a 4 × 4 tile with r products where the classical "
        "algorithm takes 64. Exact from r=48 on, below an approximation.",
    ),
    (
        "+ Strassen, Strassen², depth",
        "levels of Strassen's scheme by which the r channel products are carried out: 7/8 of the multiplications a "
        "level, the same error, and more additions.",
    ),
    ("mults", "multiplications of the replaced layers by those of the dense ones."),
    ("with encoding", "mults and those of encoding inputs and decoding outputs; what rows are compared at."),
    ("joined", "layers that read the same input (q, k and v; gate and up) are one STL layer, which encodes it once."),
    ("data-free", "converted from the weights alone: a fixed encoder, weights encoded by it."),
    (
        "moments",
        "calibrated on the second moments of the layer's inputs: channels in a basis of their own, an encoder fitted "
        "to them, weights encoded by it.",
    ),
    ("refit", "as moments, and the encoded weights by least squares on the calibration inputs."),
    ("joint", "as refit, with the encoder refined for the refitted weights."),
    ("sequential", "refit layer by layer, each on what the network converted so far makes of the text."),
    (
        "chosen ranks",
        "a rank for each layer under a budget for all, by gradients that show how sensitive the network is to it.",
    ),
    ("layer error", "‖Ŷ − Y‖² / ‖XW‖² of a layer on the dense network's inputs, held out; the mean over the layers."),
    ("growth", "by how much rounding of encoded operands is magnified: error adds about 2δ²·growth / 64 at ⟨4,4,4⟩."),
    ("exact scheme", "an encoder whose decoded products equal the matrix product; proved, not measured."),
    ("at matched cost", "against a method that costs no less (to be ahead) or no more (to be behind), with encoding."),
)
PAPER = ("The Strassen-tile operator: arXiv 2503.12211", "https://arxiv.org/abs/2503.12211")


def glossary_section() -> Section:
    """Explain the words of the report, and where the operator comes from.

    Returns
    -------
    Section
        The section.
    """
    return Section("glossary", "Words", terms=list(TERMS), links=[PAPER])
