"""What the three training stages share: arguments, starting weights, the loop and its output."""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn
from torch.utils.data import Dataset

from wsss.config.training import Train
from wsss.engine.checkpoint import Resume, load_model, save_model
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import Recipe, fit
from wsss.io.atomic import write_text
from wsss.io.checksummed import add_checksum
from wsss.io.progress import log
from wsss.io.provenance import code_digest, files_digest
from wsss.nn.backbones import Backbone, build
from wsss.nn.task import Task
from wsss.nn.weights import load_state, read_state

PREFIX = "backbone."


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every training stage has."""
    parser.add_argument("--index", type=Path, required=True, help="table of images and labels")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="backbone weights")
    parser.add_argument("--out", type=Path, required=True, help="model.pt to write")
    parser.add_argument("--history", type=Path, required=True, help="csv of the losses to write")
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--devices", type=int, default=1, help="GPUs that share every batch")
    parser.add_argument("--config", required=True, help="the stage's keys as JSON")


def start_backbone(
    config: SimpleNamespace,
    weights: list[Path],
    classifier: Path | None = None,
    freeze: bool = True,
) -> Backbone:
    """Return the backbone with the weights it starts from.

    Args:
        config: `name` and `output_stride`.
        weights: its pretrained weights; empty = random.
        classifier: `model.pt` of the CAM classifier whose trunk is taken instead.
        freeze: hold the layers and norms that published trainings hold.

    Raises:
        UserError: the weights belong to another architecture.
    """
    backbone = build(config.name, config.output_stride, freeze)
    if classifier is not None:
        trunk = {
            name.partition(PREFIX)[2]: tensor
            for name, tensor in load_model(classifier, "classifier").state.items()
            if PREFIX in name
        }
        load_state(backbone, trunk, str(classifier))
    elif weights:
        load_state(backbone, load_model(weights[0], "backbone").state, str(weights[0]))
    return backbone


def train(
    args: argparse.Namespace,
    task: Task,
    dataset: Dataset,
    recipe: Train,
    seed: int,
    inputs: list[Path],
    modules: tuple[str, ...],
    kind: str,
    **meta: object,
) -> None:
    """Train `task`, then write its network to `args.out` with `meta`.

    Args:
        args: the options of `add_training_arguments`.
        task: what is trained.
        dataset: its samples.
        recipe: how.
        seed: of order, augmentation and dropout.
        inputs: files that the result depends on; unfinished work on others is not continued.
        modules: the same for code.
        kind: what the network is: classifier, affinity or segmenter.
        **meta: what is needed to build the network again.
    """
    fabric = make_fabric(recipe.precision, args.threads, args.work / "tensorboard", args.devices)
    log.info("%s of %d images on %s", _length(recipe), len(dataset), fabric.device)
    facts = (files_digest(inputs, args.work / "inputs.json"), code_digest(*modules))
    identity = " ".join((args.config, *facts, torch.__version__))
    resume = Resume(args.work / "resume", identity)
    fields = Recipe.__dataclass_fields__
    own = {name: value for name, value in recipe.model_dump().items() if name in fields}
    on_gpu = fabric.device.type == "cuda"
    fit(
        fabric,
        task,
        dataset,
        Recipe(**own, seed=seed),
        resume,
        args.history,
        workers=torch.get_num_threads() if on_gpu else 1,
    )
    if fabric.is_global_zero:
        save_model(args.out, task.net, kind, **meta, config=json.loads(args.config))


def take_over(args: argparse.Namespace, net: nn.Module, kind: str, **meta: object) -> None:
    """Write a network with the weights of `args.checkpoint`, as `train` does after a training.

    Raises:
        UserError: the checkpoint is that of another architecture.
    """
    path = args.checkpoint
    log.info("%s as published in %s", kind, path)
    load_state(net, read_state(path), str(path))
    save_model(args.out, net, kind, **meta, source=str(path))
    write_text(args.history, add_checksum("step,epoch,lr\n"))


def _length(recipe: Train) -> str:
    steps = getattr(recipe, "steps", None)
    return f"{steps} steps" if steps else f"{recipe.epochs} epochs"


def seeded(seed: int) -> None:
    """Make the initial weights depend on `seed` alone."""
    torch.manual_seed(seed)
