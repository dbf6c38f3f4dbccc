"""Reads what a search chooses from, as typed in Hydra's grammar of overrides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def read_spaces(arguments: Sequence[str]) -> "tuple[list[str], dict[str, BaseDistribution]]":
    """Return the overrides with one value, as typed, and name -> possible values of the others.

    A number is typed as interval(1e-3,0.1), on a logarithmic scale tag(log,interval(1e-3,0.1)); a
    whole number as int(interval(1,8)) or range(1,9); options as choice(snip,grasp) or snip,grasp.
    Raises ImportError if Optuna is not installed, ValueError if an interval is impossible.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "hydra/sweeper=search needs optuna: pip install -e '.[search]'"
        ) from error
    hydra = GlobalHydra.instance()
    parser = OverridesParser.create(hydra.config_loader() if hydra.is_initialized() else None)
    typed = {o.get_key_element(): o for o in parser.parse_overrides(list(arguments))}
    return (
        [o.input_line or "" for o in typed.values() if not o.is_sweep_override()],
        {name: _space(o) for name, o in typed.items() if o.is_sweep_override()},
    )


def _space(override: Override) -> "BaseDistribution":
    """Optuna's distribution of an override with several values."""
    from optuna import distributions

    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            whole = isinstance(value.start, int)
            kind = distributions.IntDistribution if whole else distributions.FloatDistribution
            return kind(value.start, value.end, log="log" in value.tags)
        options = [str(text) for text in override.sweep_string_iterator()]
        if isinstance(value, RangeSweep) and isinstance(value.start, int) and value.step == 1:
            numbers = [int(text) for text in options]
            return distributions.IntDistribution(min(numbers), max(numbers), "log" in value.tags)
        return distributions.CategoricalDistribution(options)
    except ValueError as error:
        raise ValueError(f"{override.input_line} is nothing to choose from: {error}") from error
