import pytest

from wsss.report.content import Cost, Run


def result(miou: float | None, **other: object) -> dict:
    iou = None if miou is None else {"background": miou, "cat": miou}
    figures = {"miou": miou, "iou": iou, "precision": miou, "recall": miou}
    figures |= {"miou_present": miou, "absent_classes": None if miou is None else []}
    rest = {"coverage": 1.0, "label_agreement": 0.9, "split": "val", "images": 6}
    rest |= {"images_predicted": 8}
    return figures | rest | {"ground_truth": "by hand", "per_image": {}, **other}


@pytest.fixture
def make_run():
    def make(name: str = "psa", shift: float = 0.0, judged: bool = True, absent: tuple = ()) -> Run:
        def at(miou: float, **other: object) -> dict:
            if absent:
                other |= {"absent_classes": list(absent), "miou_present": miou + 0.25}
            return result(miou + shift if judged else None, **other)

        cam = {"cam": at(0.5, threshold=0.3), "cam mask-free": at(0.4, threshold=0.2)}
        if not judged:
            del cam["cam"]
        points = {"thresholds": [0.2, 0.3], "label_agreement": [0.9, 0.8]}
        points |= {"curve": [0.4, 0.5] if judged else None, "mask_free": {"threshold": 0.2}}
        points |= {"oracle": {"threshold": 0.3} if judged else None}
        crf = {"crf alpha 4": at(0.45), "crf alpha 32": at(0.35), "crf alpha 16": at(0.4)}
        return Run(
            name=name,
            evals={
                "cam": {"results": cam, **points},
                "crf": {"results": crf},
                "walk": {"results": {"walk": at(0.6)}},
                "segment/net": {"results": {"segment": at(0.55)}},
            },
            histories={"cam": {"step": [0, 1], "net/cls": [0.7, 0.5], "lr": [1, 0.5]}},
            costs=(Cost("train_cam", 1, 59.94, 812.0), Cost("infer_cam", 4, 3700.0, None)),
        )

    return make
