"""Stages that are made anew together: each set from one of the chain to its end."""

REPORT = {"evaluate", "report"}
SEGMENT = {"infer_segmenter", "pack_segmenter", *REPORT}
TRAIN_SEGMENTER = {"train_segmenter", *SEGMENT}
WALK = {"random_walk", *TRAIN_SEGMENTER}
AFFINITY = {"train_affinity", *WALK}
CRF = {"refine_maps", *AFFINITY}
CAM = {"infer_cam", "pack_classifier", *CRF}
CLASSIFIER = {"train_cam", "evaluate_classifier", *CAM}
DATA = {"prepare_data", "prepare_masks", *CLASSIFIER}
HELD_OUT = {rule for rule in DATA if not rule.startswith(("train_", "pack_"))}
"""What another image of the split val reruns: nothing that learns."""
