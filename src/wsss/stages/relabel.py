"""Predict the masks of training images among their image labels, for the segmenter's next round."""

import argparse

from wsss.stages.infer_segmenter import add_arguments, predict_part

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Predict the masks of a part of the images; no pixel has a label that its image has not."""
    predict_part(args, among_labels=True)
