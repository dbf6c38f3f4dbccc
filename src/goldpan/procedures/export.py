"""A finished run's network, plain, as files that need nothing of goldpan."""

import json
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from goldpan.channels.export import architecture, export_onnx, export_program
from goldpan.channels.surgery import plain
from goldpan.files import write_atomically
from goldpan.procedures.measure import measure, reading
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.runs.checkpoint import load_weights
from goldpan.runs.record import ARCHITECTURE, Accuracies, Record
from goldpan.runs.refusal import refusing


def export(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Write model.onnx, model.pt2 and the network's sizes; measure its accuracy once more.

    The network is the configuration's model with the weights of `checkpoint`, of the sizes that
    lie beside them if channels were removed. The record's `exports` holds, for each file, the
    largest difference of its logits from the network's.
    """
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data)
        load_weights(system.net, Path(cfg.checkpoint))
        trainer = build_trainer(cfg, folder, draft.identity, data.steps_per_epoch, [])
    trainer.validate(system, datamodule=data, verbose=False)
    system.net.cpu()
    shape = data.image_shape
    differences = {
        "model.onnx": export_onnx(system.net, folder / "model.onnx", shape),
        "model.pt2": export_program(system.net, folder / "model.pt2", shape),
    }
    write_atomically(folder / ARCHITECTURE, json.dumps(architecture(plain(system.net)), indent=2))
    record = measure(draft, trainer, system, data, [], None, [])
    return replace(record, accuracies=Accuracies(reading(trainer)), exports=differences)
