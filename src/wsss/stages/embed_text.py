"""Compute the features of class names and background words by the text tower of a CLIP, once."""

import argparse
from pathlib import Path

from wsss.config.backbones import IMAGENET
from wsss.config.slices import read_slice
from wsss.config.text import TextParams
from wsss.data.prompts import background_words, problems, prompts, warnings
from wsss.errors import UserError
from wsss.io.index import Index
from wsss.io.progress import log
from wsss.io.text_features import TextFeatures
from wsss.nn.licences import GIVEN, Origin, origin, report
from wsss.nn.texttower import load_text_tower
from wsss.stages.options import add_config_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--index", type=Path, required=True, help="table of images and labels")
    parser.add_argument("--out", type=Path, required=True, help="text.safetensors to write")
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Write the features.

    Raises:
        UserError: a text cannot be used, or the text tower cannot be had.
    """
    config, names = read_slice(args.config), Index.read(args.index).class_names
    params = config.cam.options(config.method)
    assert isinstance(params, TextParams)
    key = f"cam.{config.method}.prompts"
    if found := [f"{key}: {line}" for line in problems(names, params.prompts)]:
        raise UserError("\n".join(found))
    for line in warnings(names, params.prompts):
        log.warning("%s", line)
    texts, words = prompts(names, params.prompts), background_words(params.background, names)
    if not words:
        raise UserError(f"cam.{config.method}.background: all of its words are classes; add others")
    choice = params.text_tower
    is_file = choice.weights in choice.files().values()
    tower = load_text_tower(choice.name, choice.weights, is_file)
    licence = GIVEN if is_file else origin(params.image_tower().name, IMAGENET).licence
    report(Origin(backbone="the text tower", source=tower.name, licence=licence))
    for name, text in zip(names, texts, strict=True):
        log.info("embed_text: %s is %s", name, params.sentence(text))
    embedded = [tower.embed([*map(params.sentence, part)]) for part in (texts, words)]
    TextFeatures(
        names=names,
        prompts=texts,
        words=words,
        template=params.template,
        tower=tower.name,
        licence=licence,
        classes=embedded[0],
        background=embedded[1],
        logit_scale=tower.logit_scale(),
        patch=tower.fingerprint(),
    ).write(args.out)
