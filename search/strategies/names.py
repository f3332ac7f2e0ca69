"""The names of the strategies, apart from them so that a command line can offer them without importing any."""

#: In the order a portfolio first tries them. The first get longer slices: these two seldom find nothing in theirs.
NAMES = ("orbit", "deflation", "lm", "sum", "hop", "signed", "compose", "group", "als", "flip")
#: Not part of auto: only where asked for by name.
ON_REQUEST = ("batch",)
#: How much more often than others a strategy is drawn to explore: what an orbit search finds comes rarely, by a
#: random start in a hundred, and is then far ahead, so that gains so far do not tell its worth. What a search under
#: signed groups finds comes more rarely still, and is mostly exact: a quarter as often serves short searches best.
#: Sums want good encoders of lower ranks, which take most of a short search to make.
EXPLORING = {"orbit": 4.0, "signed": 0.25, "sum": 0.0625}
#: The same where encoders better than the constructions are known from the start: descents find nearly all that is
#: better than those, and sums what no descent leads to.
REFINING = {"deflation": 4.0, "sum": 4.0, "lm": 2.0, "orbit": 2.0, "signed": 0.25}
