"""What the runs are made of: weights, checkpoints, boundaries, and the stages that each reaches."""

import hashlib
import shutil
from functools import cache


def weights_key(backbone):
    """The name of the file that keeps a backbone's checked weights."""
    digest = hashlib.sha256(backbone.weights.encode()).hexdigest()[:8]
    return "-".join([*Path(backbone.name).parts, digest])


def further_trunks(run):
    """The backbones with weights that the method trains besides the run's: option -> trunk."""
    return {option: b for option, b in RUNS[run].further_backbones().items() if b.weights}


BACKBONES = [b for r in RUNS.values() for b in (r.backbone, r.segment.backbone) if b]
BACKBONES += [b for run in RUNS for b in further_trunks(run).values()]
WEIGHTS = {weights_key(b): b for b in BACKBONES if b.weights}


def weights_file(backbone):
    """The checked weights of a backbone; none if it starts from random ones."""
    if not backbone.weights:
        return []
    return f"{CONFIG.results}/weights/{weights_key(backbone)}.pt"


def cam_weights(wildcards):
    return weights_file(RUNS[wildcards.run].backbone)


def further_weights(wildcards):
    return [weights_file(b) for b in further_trunks(wildcards.run).values()]


def further_arguments(wildcards):
    """The weights of further backbones as method.option=file."""
    trunks = further_trunks(wildcards.run)
    return [f"{name}={weights_file(b)}" for name, b in trunks.items()]


def checkpoint(stage):
    """The published checkpoint that is taken instead of a training, if there is one."""

    def of_job(wildcards):
        path = getattr(RUNS[wildcards.run], stage).checkpoint
        return [path] if path else []

    return of_job


def checkpoint_content(stage):
    def of_job(wildcards):
        return content([Path(path) for path in checkpoint(stage)(wildcards)])

    return of_job


def boundary_maps(wildcards):
    """The boundary maps that the method of a run learns from."""
    if not RUNS[wildcards.run].needs_boundaries():
        return []
    return shards(f"{RUN}/boundaries/train/{{scatteritem}}.npz")


def boundary_crf(wildcards):
    """The CRF maps that the boundaries of a run are drawn from; none for the user's own maps."""
    source = RUNS[wildcards.run].boundaries
    if source.folder:
        return []
    name = source.run or f"{wildcards.run}.first"
    return f"{OUT}/{name}/crf/maps/train/{wildcards.scatteritem}.npz"


def boundary_source(wildcards):
    """The option that names the source of boundary maps."""
    folder = RUNS[wildcards.run].boundaries.folder
    return ["--folder", folder] if folder else ["--crf", boundary_crf(wildcards)]


@cache
def maps_content(folder):
    """The digest of a folder of boundary maps, once for all the shards that read it."""
    return content(sorted(Path(folder).glob("*.npy")))


def boundary_content(wildcards):
    folder = RUNS[wildcards.run].boundaries.folder
    return maps_content(folder) if folder else ""


def segmenter_weights(wildcards):
    run = RUNS[wildcards.run]
    if run.segment.checkpoint:
        return []
    return weights_file(run.segment.backbone or run.backbone)


def segmenter_labels(wildcards):
    """The pseudo labels that a segmenter is trained on."""
    if RUNS[wildcards.run].segment.checkpoint:
        return []
    return shards(f"{RUN}/walk/train/{{scatteritem}}/labels.tsv")


def segmenter_classifier(wildcards):
    """The classifier whose trunk a segmenter may start from."""
    segment = RUNS[wildcards.run].segment
    starts = segment.train.init == "cam" and not segment.checkpoint
    return f"{RUN}/cam/model.pt" if starts else []


def weights_backbone(wildcards):
    return WEIGHTS[wildcards.weights].name


def weights_source(wildcards):
    return WEIGHTS[wildcards.weights].weights


def weights_content(wildcards):
    source = WEIGHTS[wildcards.weights].weights
    return "" if source == "imagenet" else content([Path(source)])


def segmenter_folder(run):
    return f"segment/{RUNS[run].segment.segmenter}"


PREDICTIONS = {
    "cam": shards(f"{RUN}/{{stage}}/maps/{{split}}/{{scatteritem}}.npz"),
    "crf": shards(f"{RUN}/{{stage}}/maps/{{split}}/{{scatteritem}}.npz"),
    "walk": shards(f"{RUN}/{{stage}}/{{split}}/{{scatteritem}}/labels.tsv"),
    "segment": shards(f"{RUN}/{{stage}}/{{split}}/{{scatteritem}}/labels.tsv"),
}


def kind(wildcards):
    """The kind of a stage's predictions: the first part of its folder."""
    return wildcards.stage.partition("/")[0]


def predicted(run, stage, split):
    """The shards of a stage's predictions."""
    places = {"run": run, "stage": stage, "split": split}
    return [path.format(**places) for path in PREDICTIONS[stage.partition("/")[0]]]


def predictions(wildcards):
    """The shards that an evaluation compares with the masks."""
    return predicted(**wildcards)


def reached(run, stages):
    """The stages of a run, as (name, folder), up to its last one."""
    order = ["cam", "crf", "walk", "segment"]
    last = order.index(RUNS[run].until)
    return [folder for name, folder in stages if order.index(name) <= last]


LABELLED = [("cam", "cam"), ("crf", "crf"), ("walk", "walk")]


def stages_of(run):
    """The folders of all predictions of a run."""
    return reached(run, [*LABELLED, ("segment", segmenter_folder(run))])


def evaluations():
    """The evaluations of every run; the segmenter is judged on held-out images alone."""
    return [
        f"{OUT}/{run}/{stage}/eval.{split}.json"
        for run in RUNS
        for split, stages in (
            ("val", stages_of(run)),
            ("train", reached(run, LABELLED)),
        )
        for stage in stages
    ]


def trained():
    """The folders of the trainings of every run."""
    trainings = [("cam", "cam"), ("walk", "affinity")]
    return [
        f"{OUT}/{run}/{folder}"
        for run in RUNS
        for folder in reached(run, [*trainings, ("segment", segmenter_folder(run))])
    ]


def shown():
    """The predictions of every run that the report draws."""
    return [
        path
        for run in RUNS
        for stage in stages_of(run)
        for path in predicted(run, stage, "val")
    ]


def products():
    """What the runs are made for: networks, pseudo labels and the segmenter's masks."""
    masks = [
        path
        for run in RUNS
        for name, folder, split in (
            ("walk", "walk", "train"),
            ("segment", segmenter_folder(run), "val"),
        )
        for stage in reached(run, [(name, folder)])
        for path in predicted(run, stage, split)
    ]
    return [f"{folder}/model.pt" for folder in trained()] + masks


def discard_checkpoints():
    """Remove the checkpoints of trainings whose networks are known to be complete."""
    for folder in map(Path, trained()):
        if (folder / "model.pt").exists():
            shutil.rmtree(folder / "work/resume", ignore_errors=True)


def whole_masks():
    """The label maps of whole images, if the chain ran on their tiles."""
    if not TILED:
        return []
    stitched = [
        f"{OUT}/{run}/{folder}/stitched/train/labels.tsv"
        for run in RUNS
        for folder in reached(run, [("walk", "walk")])
    ]
    whole = [
        f"{OUT}/{run}/{folder}/whole/val/{{scatteritem}}/labels.tsv"
        for run in RUNS
        for folder in reached(run, [("segment", segmenter_folder(run))])
    ]
    return stitched + [path for pattern in whole for path in shards(pattern)]
