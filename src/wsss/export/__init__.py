"""Label maps and segmenters in the formats of other tools; a format is the file of its name."""

FORMATS: dict[str, str] = {
    "palette": "PNGs whose colours are those of PASCAL VOC and whose values are the labels",
    "index": "grey PNGs whose values are the labels",
    "coco": "COCO JSON with run-length masks, one annotation per image and class",
    "cvat": "CVAT archive 'Segmentation mask 1.1'",
    "label_studio": "Label Studio tasks with brush predictions, and their labelling configuration",
    "voc": "results for the evaluation server of PASCAL VOC 2012, or the check of such a file",
    "onnx": "the segmenter as an ONNX model for images of any size",
    "bundle": "masks, table of contents and model card, for handing over",
}
"""What each format is, by the name of its module."""
