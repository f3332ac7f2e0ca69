"""The one error type that says what is wrong with an input."""


class InvalidInput(ValueError):
    """An input that names no valid object: one clear sentence that names the thing and the way out.

    Every package of the project raises it for what a user can put right; the command line prints its
    text alone, without a traceback.

    >>> raise InvalidInput("rank 0 is not positive; give a rank between 1 and 64")
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: rank 0 is not positive; give a rank between 1 and 64
    """
