"""From predictions and masks to figures, pictures and one page.

REQUIRED INPUTS: {results}/{dataset}/masks.tsv, the predictions of every stage.
OUTPUTS: {run}/{stage}/eval.{split}.json, {results}/{dataset}/report.html,
    {results}/{dataset}/summary.tsv.
"""

PREDICTIONS = {
    "cam": shards(RUN + "/{stage}/maps/{split}/{scatteritem}.npz"),
    "crf": shards(RUN + "/{stage}/maps/{split}/{scatteritem}.npz"),
    "walk": shards(RUN + "/{stage}/{split}/{scatteritem}/labels.tsv"),
    "segment": shards(RUN + "/{stage}/{split}/{scatteritem}/labels.tsv"),
}


def kind(wildcards):
    """The kind of prediction: the first part of the stage's folder."""
    return wildcards.stage.partition("/")[0]


def predictions(wildcards):
    """The shards that an evaluation compares with the masks."""
    return [path.format(**wildcards) for path in PREDICTIONS[kind(wildcards)]]


def evaluations(split):
    """The evaluations of every run on a split; the segmenter is judged on held-out images."""
    folders = {run: ["cam", "crf", "walk", segmenter_folder(run)] for run in RUNS}
    return [
        f"{OUT}/{run}/{stage}/eval.{split}.json"
        for run, stages in folders.items()
        for stage in stages
    ]


def histories():
    """The loss curves of every run."""
    folders = {run: ["cam", "affinity", segmenter_folder(run)] for run in RUNS}
    return [f"{OUT}/{run}/{f}/history.csv" for run, names in folders.items() for f in names]


rule evaluate:
    """Compare the predictions of a stage with the masks and the image labels."""
    input:
        index=OUT + "/index.tsv",
        masks=OUT + "/masks.tsv",
        predictions=predictions,
    output:
        result=RUN + "/{stage}/eval.{split}.json",
    log:
        RUN + "/logs/evaluate/{stage}.{split}.log",
    benchmark:
        RUN + "/benchmarks/evaluate/{stage}.{split}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        config=cfg("evaluate"),
        code=code("evaluate"),
        kind=kind,
    shell:
        "wsss evaluate --kind {params.kind} --split {wildcards.split} --index {input.index:q}"
        " --masks {input.masks:q} --predictions {input.predictions:q} --out {output.result:q}"
        " --config {params.config:q} --log {log:q}"


rule report:
    """Draw everything that the runs achieved on one page."""
    input:
        index=OUT + "/index.tsv",
        masks=OUT + "/masks.tsv",
        evaluations=evaluations("val"),
        histories=histories(),
    output:
        page=report(OUT + "/report.html", caption="../src/wsss/report/caption.rst", category="wsss"),
        summary=report(OUT + "/summary.tsv", category="wsss"),
    log:
        OUT + "/logs/report.log",
    benchmark:
        OUT + "/benchmarks/report.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        runs=[f"{run}={OUT}/{run}" for run in RUNS],
        config=whole_config(),
        code=code("report"),
    shell:
        "wsss report --index {input.index:q} --masks {input.masks:q} --runs {params.runs:q}"
        " --split val --out {output.page:q} --summary {output.summary:q}"
        " --config {params.config:q} --log {log:q}"
