"""goldpan as a library: prune the network of a training loop of your own.

    import goldpan as gp

    gp.prune(model, "snip", sparsity=0.9, batches=[next(iter(loader))])
    gp.keep_masked(model, optimizer)  # then train as before

Each name is loaded when it is first used, so that `import goldpan` itself takes milliseconds.
docs/python.md has an example of every one.
"""

TYPE_CHECKING = False  # as type checkers read it, it is true; to import typing takes 20 ms

if TYPE_CHECKING:
    from goldpan.api.masking import keep_masked, plain, read_masks, sparsity, write_masks
    from goldpan.api.pruning import prune
    from goldpan.api.results import load, records, run
    from goldpan.api.sizes import compact, count_cost, export, shrink
    from goldpan.masks import LayerCollapse, Masks
else:
    _PLACES = {
        "goldpan.api.masking": ("keep_masked", "plain", "read_masks", "sparsity", "write_masks"),
        "goldpan.api.pruning": ("prune",),
        "goldpan.api.results": ("load", "records", "run"),
        "goldpan.api.sizes": ("compact", "count_cost", "export", "shrink"),
        "goldpan.masks": ("LayerCollapse", "Masks"),
    }

    def __getattr__(name):
        from importlib import import_module

        for module, names in _PLACES.items():
            if name in names:
                globals()[name] = found = getattr(import_module(module), name)
                return found
        raise AttributeError(f"goldpan has no {name}; it has {', '.join(__all__)}")

    def __dir__():
        return [*globals(), *__all__]


__all__ = [
    "LayerCollapse",
    "Masks",
    "compact",
    "count_cost",
    "export",
    "keep_masked",
    "load",
    "plain",
    "prune",
    "read_masks",
    "records",
    "run",
    "shrink",
    "sparsity",
    "write_masks",
]
