"""Common parts of the training stages: arguments, initial weights, the loop and its output."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import torch
from torch import nn

from wsss.config.model import Run
from wsss.config.monitor import Monitor
from wsss.config.section import MethodParams
from wsss.config.training import Train
from wsss.data.held_out import HeldOut
from wsss.data.sets.samples import Samples
from wsss.data.validation import NONE, Validations
from wsss.engine.checkpoint import Resume, load_model, save_model
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.checksummed import add_checksum
from wsss.io.progress import log
from wsss.io.provenance import code_digest, files_digest
from wsss.nn.backbones import Backbone, Freeze, build
from wsss.nn.licences import origin, report
from wsss.nn.task import Task
from wsss.nn.weights import load_state, read_state
from wsss.stages.checkpoints import PUBLISHED
from wsss.stages.options import add_config_argument

PREFIX = "backbone."


class BackboneChoice(Protocol):
    """Name and output stride of a backbone, as the configuration has them."""

    @property
    def name(self) -> str:
        """Its architecture."""

    @property
    def output_stride(self) -> int | None:
        """Input pixels per feature cell; None = the architecture's own."""


def backbone_meta(config: BackboneChoice) -> dict[str, str | int | None]:
    """Return the entries of `model.pt` from which the backbone is built again."""
    return {"name": config.name, "output_stride": config.output_stride}


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every training stage has."""
    parser.add_argument("--index", type=Path, required=True, help="table of images and labels")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="backbone weights")
    parser.add_argument("--out", type=Path, required=True, help="model.pt to write")
    parser.add_argument("--history", type=Path, required=True, help="csv of the losses to write")
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--devices", type=int, default=1, help="GPUs that share every batch")
    parser.add_argument(
        "--monitor",
        type=Monitor.model_validate_json,
        default=Monitor(validations=0),
        help="monitor of the configuration as JSON; by default nothing is validated",
    )
    add_config_argument(parser)


@dataclass(frozen=True)
class TrainingFiles:
    """Files and devices of a training.

    Attributes:
        out: model.pt.
        history: CSV file of the losses.
        work: folder of checkpoints.
        threads: CPU threads.
        devices: GPUs that share every batch.
        config: slice of the configuration as JSON.
        monitor: what is measured and logged.
        users: runs that need the result, for the names of logged ones.
    """

    out: Path
    history: Path
    work: Path
    threads: int
    devices: int
    config: str
    monitor: Monitor
    users: str

    @classmethod
    def of(cls, args: argparse.Namespace) -> Self:
        """Take them from the options of `add_training_arguments`."""
        users = getattr(args, "users", None) or args.out.parent.name
        files = (args.out, args.history, args.work)
        return cls(*files, args.threads, args.devices, args.config, args.monitor, users)


def start_backbone(
    config: BackboneChoice,
    weights: Sequence[Path],
    classifiers: Sequence[Path] = (),
    freeze: Freeze = True,
) -> Backbone:
    """Return the backbone with the weights it starts from.

    Args:
        config: its name and output stride.
        weights: its pretrained weights; empty = random.
        classifiers: `model.pt` of the classifier whose backbone is taken instead; empty = none.
        freeze: layers that are frozen, see `build`.

    Raises:
        UserError: the weights belong to another architecture.
    """
    backbone = build(config.name, config.output_stride, freeze)
    if classifiers:
        model = load_model(classifiers[0], "classifier")
        state = {
            name.partition(PREFIX)[2]: tensor
            for name, tensor in model.state.items()
            if PREFIX in name
        }
        load_state(backbone, state, str(classifiers[0]))
    elif weights:
        model = load_model(weights[0], "backbone")
        load_state(backbone, model.state, str(weights[0]))
    else:
        return backbone
    backbone.origins = model.meta.get("weights", [])
    return backbone


def named_files(texts: Sequence[str]) -> dict[str, Path]:
    """Return the weights of further backbones, method.option=file each, by method.option.

    Raises:
        UserError: a text is something else.
    """
    found = {}
    for text in texts:
        name, _, file = text.partition("=")
        if not file:
            raise UserError(f"--further {text}: give METHOD.OPTION=FILE")
        found[name] = Path(file)
    return found


def further_backbones(
    config: Run, options: Mapping[str, MethodParams], files: Mapping[str, Path]
) -> dict[str, Backbone]:
    """Return the further backbones of methods with the weights they start from.

    Args:
        config: its backbone is that of options without one of their own.
        options: those of every method by its name.
        files: weights by method and option, as in `eader.adversary`.

    Raises:
        UserError: there is no such backbone, or one lacks its weights.
    """
    backbones = {
        f"{method}.{option}": backbone
        for method, params in options.items()
        for option, backbone in params.further_backbones().items()
    }
    for name in files.keys() - backbones.keys():
        raise UserError(f"--further {name}: there is no such backbone ({', '.join(backbones)})")
    for name, backbone in backbones.items():
        if backbone is not None and backbone.weights and name not in files:
            raise UserError(f"{name} starts from pretrained weights: give --further {name}=FILE")
    return {
        name: start_backbone(
            backbone or config.backbone, [files[name]] if name in files else [], freeze=False
        )
        for name, backbone in backbones.items()
    }


def weights_meta(checkpoint: Path | None, *backbones: Backbone) -> list[Mapping[str, str]]:
    """Return the entry of `model.pt` with sources and licences of the weights it is made from.

    Args:
        checkpoint: published weights of the whole network; None = it is trained.
        backbones: the backbones of the training, that of the network first.
    """
    if checkpoint:
        given = origin(backbones[0].name, str(checkpoint))
        report(given)
        return [given.model_dump()]
    found: list[Mapping[str, str]] = []
    for backbone in backbones:
        found += [entry for entry in backbone.origins if entry not in found]
    return found


def train(
    files: TrainingFiles,
    task: Task,
    dataset: Samples,
    recipe: Train,
    seed: int,
    inputs: list[Path],
    modules: tuple[str, ...],
    kind: str,
    held_out: HeldOut | None = None,
    validations: Validations = NONE,
    finish: Callable[[], None] | None = None,
    **meta: object,
) -> None:
    """Train `task`, then write its network with `meta`.

    Args:
        files: what is written.
        task: what is trained.
        dataset: its samples.
        recipe: how.
        seed: of order, augmentation and dropout.
        inputs: files that the result depends on; unfinished work on others is not continued.
        modules: the same for code.
        kind: what the network is: classifier, affinity, irn or segmenter.
        held_out: images by which the training ends early.
        validations: evaluations that change nothing.
        finish: last change of the trained network before it is written.
        **meta: what is needed to build the network again.
    """
    # not before mistakes of the options are found: Fabric takes its time
    from wsss.engine.fabric import make_fabric
    from wsss.engine.fit import fit
    from wsss.engine.loggers import make_loggers

    loggers = make_loggers(files.monitor.loggers, files.work, f"{kind} of {files.users}")
    fabric = make_fabric(recipe.precision, files.threads, loggers, files.devices)
    log.info("%s of %d images on %s", _length(recipe, len(dataset)), len(dataset), fabric.device)
    facts = (files_digest(inputs, files.work / "inputs.json"), code_digest(*modules))
    identity = " ".join((files.config, *facts, torch.__version__))
    resume = Resume(files.work / "resume", identity)
    on_gpu = fabric.device.type == "cuda"
    fit(
        fabric,
        task,
        dataset,
        recipe,
        seed,
        resume,
        files.history,
        workers=torch.get_num_threads() if on_gpu else 1,
        held_out=held_out,
        validations=validations,
    )
    if fabric.is_global_zero:
        if finish:
            finish()
        save_model(files.out, task.net, kind, **meta, config=json.loads(files.config))


def take_over(
    files: TrainingFiles, checkpoint: Path, net: nn.Module, kind: str, **meta: object
) -> None:
    """Write a network with the weights of a published checkpoint, as `train` after a training.

    Raises:
        UserError: the checkpoint is that of another architecture.
    """
    log.info("%s as published in %s", kind, checkpoint)
    load_state(net, read_state(checkpoint), f"{PUBLISHED[kind].key}: {checkpoint}")
    save_untrained(files.out, files.history, net, kind, **meta, published=checkpoint.name)


def save_untrained(out: Path, history: Path, net: nn.Module, kind: str, **meta: object) -> None:
    """Write a network that is not trained here, and an empty history."""
    save_model(out, net, kind, **meta)
    write_text(history, add_checksum("step,epoch,lr\n"))


def _length(recipe: Train, images: int) -> str:
    """Return the length of a training in words."""
    if recipe.steps:
        return f"{recipe.steps} steps"
    if steps := recipe.fixed_steps(images):
        return f"{steps} steps (min_steps, more than {recipe.epochs} epochs)"
    return f"{recipe.epochs} epochs"


def seeded(seed: int) -> None:
    """Make the initial weights depend on `seed` alone."""
    torch.manual_seed(seed)
