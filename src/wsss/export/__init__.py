"""Export of label maps and segmenters to other tools, one module per format."""

FORMATS: dict[str, str] = {
    "palette": "PNGs whose colours are those of PASCAL VOC and whose values are the labels",
    "index": "grey PNGs whose values are the labels",
    "overlay": "photographs with the masks painted on, and a legend: to look at",
    "coco": "COCO JSON with run-length masks, one annotation per image and class",
    "cvat": "CVAT archive 'Segmentation mask 1.1'",
    "label_studio": "Label Studio tasks with brush predictions, and their labelling configuration",
    "labelme": "LabelMe's polygons, a JSON file per image",
    "yolo": "a data set for the segmentation of YOLO: images, polygons and data.yaml",
    "voc": "results for the evaluation server of PASCAL VOC 2012, or a check of such a file",
    "instances": "objects that IRNet tells apart as COCO JSON, with scores",
    "onnx": "the segmenter as an ONNX model for images of any size",
    "bundle": "masks, table of contents and model card, for publication",
}
"""Description of each format by the name of its module."""
