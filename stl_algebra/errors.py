"""The one error type that says what is wrong with an input."""


class InvalidInput(ValueError):
    """An input is invalid. The message is one sentence that names the fault and the way out.

    Every package of the project raises it for what a user can put right. The command line prints its text alone,
    without a traceback.

    Examples
    --------
    >>> raise InvalidInput("rank 0 is not positive; give a rank between 1 and 64")
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: rank 0 is not positive; give a rank between 1 and 64
    """
