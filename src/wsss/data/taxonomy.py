"""Class lists that other people fixed."""

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""PASCAL VOC 2012, in the order of its mask ids 1..20."""

NO_CLASS = "background"
"""The label of an image that shows none of the classes; id 0 of every mask."""
