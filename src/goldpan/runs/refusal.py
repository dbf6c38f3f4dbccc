"""Bad input is refused in one sentence, before any work starts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import CompactHydraException, InstantiationException


class Refusal(CompactHydraException):
    """What the user asked for is impossible. Hydra prints the sentence without a traceback."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turn an error that a check in the block raises into a Refusal.

    HYDRA_FULL_ERROR=1 shows the traceback too.
    """
    try:
        yield
    except InstantiationException as error:
        raise Refusal(str(error.__cause__ or error)) from error
    except (ValueError, TypeError, LookupError, OSError, ImportError) as error:
        raise Refusal(str(error)) from error


@contextmanager
def interruptible() -> Iterator[None]:
    """On Ctrl-C, print one sentence and end the process with exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted; the same command resumes where this one stopped", file=sys.stderr)
        sys.exit(130)
