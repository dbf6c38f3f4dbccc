"""Pictures of Panning: the rounds of one pruning, expressive force, and an agent's learning."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from goldpan.panning.force import ForceSnapshot
from goldpan.panning.screening import Row
from goldpan.pictures import COLOURS, STYLES, figure


def draw_rounds(rows: Sequence[Row], indices: Sequence[str], path: Path) -> None:
    """Draw each round's shares of the indices, weights removed and revived, and the reward."""
    rounds = [row["round"] for row in rows]
    rewarded = "reward" in rows[-1]
    with figure(path, 1, 4 if rewarded else 3, (16 if rewarded else 12, 3.6)) as ((*axes,),):
        for name, colour in zip(indices, COLOURS, strict=False):
            weights = [row[f"weight/{name}"] for row in rows]
            axes[0].plot(rounds, weights, label=name, color=colour, drawstyle="steps-mid")
        axes[0].set(ylabel="share of the index", ylim=(0, None))
        for name, colour in (("removed", COLOURS[1]), ("revived", COLOURS[2])):
            axes[1].plot(rounds, [row[name] for row in rows], label=name, color=colour)
        axes[1].set(ylabel="weights", yscale="symlog")
        pairs = dict.fromkeys(n for row in rows for n in row if n.startswith("correlation/"))
        for name, colour in zip(pairs, COLOURS, strict=False):
            label = " and ".join(name.split("/")[1:])
            axes[2].plot(rounds, [row.get(name) for row in rows], label=label, color=colour)
        axes[2].set(ylabel="correlation of the scores", ylim=(-0.25, 1))
        if rewarded:
            for name, colour in zip(("gap", "loss", "norm", "collapse"), COLOURS, strict=False):
                values = [row[f"reward/{name}"] for row in rows]
                axes[3].plot(rounds, values, label=name, color=colour)
            axes[3].set(ylabel="terms of the reward")
            axes[3].set_yscale("symlog", linthresh=0.01)
        for axis in axes:
            axis.set_xlabel("round")
            if axis.get_legend_handles_labels()[0]:
                axis.legend(fontsize="small")


def draw_force(snapshots: Sequence[ForceSnapshot], path: Path) -> None:
    """Draw the scores of the same weights over the rounds, a panel an index; and transfers."""
    names = list(snapshots[0].points)
    between = snapshots[1:-1][:: max(1, (len(snapshots) - 2) // 3)]
    shown = [snapshots[0], *between, snapshots[-1]]
    with figure(path, 1, len(names) + 1, (4 * (len(names) + 1), 3.8)) as ((*axes,),):
        for axis, name in zip(axes, names, strict=False):
            for snapshot, colour in zip(shown, COLOURS[::-1], strict=False):
                points = enumerate(snapshot.points[name])
                kept = [(at, abs(score)) for at, score in points if score is not None]
                label = f"{100 * snapshot.sparsity:.3g} %"
                places, scores = [at for at, _ in kept], [score for _, score in kept]
                axis.scatter(places, scores, s=4, color=colour, label=label)
            axis.set(title=name, yscale="log", xlabel="weights, by first score")
            axis.legend(title="sparsity", fontsize="x-small", title_fontsize="x-small")
        axes[0].set_ylabel("|score| of the weights that are kept")
        for name, colour in zip(names, COLOURS, strict=False):
            known = [(100 * shot.sparsity, shot.transfer[name]) for shot in snapshots]
            values = [(x, y) for x, y in known if y is not None]
            if values:
                axes[-1].plot(*zip(*values, strict=True), "o-", label=name, color=colour)
        axes[-1].axhline(0, color="grey", linewidth=0.8)
        axes[-1].set(title="transfer", xlabel="sparsity (%)", ylabel="removed force regained")
        axes[-1].set_yscale("symlog", linthresh=1)
        if axes[-1].get_legend_handles_labels()[0]:
            axes[-1].legend(fontsize="small")


def draw_learning(
    evaluations: Sequence[Row], others: Mapping[str, Row], targets: Sequence[float], path: Path
) -> None:
    """Draw the agent's return on each target over its training, and the other policies' returns."""
    with figure(path, 1, len(targets), (4 * len(targets), 3.8)) as ((*axes,),):
        for axis, target in zip(axes, targets, strict=True):
            steps = [row["steps"] for row in evaluations]
            returns = [row[f"{target:g}"] for row in evaluations]
            axis.plot(steps, returns, "o-", label="agent", color=COLOURS[0], markersize=3)
            for (name, row), colour in zip(others.items(), COLOURS[1:], strict=False):
                axis.axhline(row[f"{target:g}"], label=name, color=colour, linestyle="--")
            axis.set(title=f"{100 * target:g} %", xlabel="steps of training")
            if min(returns) < 5 * max(returns):  # an episode that collapsed
                axis.set_yscale("symlog", linthresh=10)
        axes[0].set_ylabel("return of one episode")
        axes[0].legend(fontsize="small")


def draw_returns(
    means: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, tuple[float, float]]],
    path: Path,
) -> None:
    """Draw the mean return of each policy with its interval, a panel a sparsity."""
    targets = list(next(iter(means.values())))
    with figure(path, 1, len(targets), (3 * len(targets), 3.2)) as ((*axes,),):
        for axis, target in zip(axes, targets, strict=True):
            for at, (policy, (colour, marker)) in enumerate(zip(means, STYLES, strict=False)):
                mean, (low, high) = means[policy][target], intervals[policy][target]
                error = [[mean - low], [high - mean]]
                axis.errorbar(at, mean, error, color=colour, marker=marker, capsize=4)
            axis.set_title(f"{100 * float(target):g} %")
            axis.set_xticks(range(len(means)), list(means), rotation=30, ha="right")
            axis.set_xlim(-0.5, len(means) - 0.5)
        axes[0].set_ylabel("return of an episode")
