"""Let Keras see the parameters of a mutated constructor.

mutmut puts `def wrapper(*args, **kwargs)` in front of each function. Keras
asks `inspect.getfullargspec` about `__init__`, which sees through it only if
it is told the signature. pytest loads this by `-p` (see pyproject.toml).
"""

import inspect

from mutmut.mutation import trampoline

plain = trampoline.wrap_in_trampoline


def wrap_in_trampoline(*args, **kwargs):
    """Wrap as mutmut does and keep the signature of a constructor."""
    def decorate(function):
        wrapper = plain(*args, **kwargs)(function)
        if function.__name__ == "__init__":
            wrapper.__signature__ = inspect.signature(function)
        return wrapper

    return decorate


trampoline.wrap_in_trampoline = wrap_in_trampoline
