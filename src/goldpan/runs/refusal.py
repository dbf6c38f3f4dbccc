"""Bad input, said in one sentence before any work starts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import CompactHydraException, InstantiationException


class Refusal(CompactHydraException):
    """What was asked cannot be done; Hydra prints the sentence without a traceback."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what the checks inside the block raise into a Refusal; HYDRA_FULL_ERROR=1 shows all."""
    try:
        yield
    except InstantiationException as error:
        raise Refusal(str(error.__cause__ or error)) from error
    except (ValueError, TypeError, LookupError, OSError, ImportError) as error:
        raise Refusal(str(error)) from error


@contextmanager
def interruptible() -> Iterator[None]:
    """End the process with a sentence when it is interrupted by Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(130)
