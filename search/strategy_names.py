"""The names of the strategies, apart from them so that a command line can offer them without importing any."""

#: In the order a portfolio first tries them.
NAMES = ("orbit", "deflation", "lm", "compose", "group", "als", "flip")
#: Not part of auto: only where asked for by name.
ON_REQUEST = ("batch",)
