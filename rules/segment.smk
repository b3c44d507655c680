"""From pseudo labels to a segmenter and its masks.

REQUIRED INPUTS: {run}/walk/train, {run}/cam/model.pt, checked backbone weights.
OUTPUTS: {run}/segment/{segmenter}/model.pt, {run}/segment/{segmenter}/history.csv (its losses),
    {run}/segment/{segmenter}/{split}/{shard}/labels.tsv (record of the masks beside it).
"""


rule train_segmenter:
    """Train the segmenter on the pseudo labels."""
    input:
        index=f"{OUT}/index.train.tsv",
        weights=segmenter_weights,
        classifier=segmenter_classifier,
        labels=segmenter_labels,
    output:
        model=f"{RUN}/segment/{{segmenter}}/model.pt",
        history=f"{RUN}/segment/{{segmenter}}/history.csv",
    log:
        f"{RUN}/logs/train_segmenter.{{segmenter}}.log",
    benchmark:
        f"{RUN}/benchmarks/train_segmenter.{{segmenter}}.tsv"
    conda:
        CONDA
    threads: 16
    resources:
        gpu=1,
        mem_mb=per_attempt(16000),
        runtime=2880,
    params:
        config=cfg("train_segmenter"),
        code=code("train_segmenter"),
        checkpoint=checkpoint("segment"),
        content=checkpoint_content("segment"),
        work=f"{RUN}/segment/{{segmenter}}/work",
        launcher=launcher,
    shell:
        "{params.launcher} wsss train-segmenter --index {input.index:q} --weights {input.weights:q}"
        " --classifier {input.classifier:q} --labels {input.labels:q}"
        " --checkpoint {params.checkpoint:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} --log {log:q}"


rule infer_segmenter:
    """Predict the masks of a shard, without any label."""
    input:
        index=f"{OUT}/index.{{split}}.tsv",
        model=f"{RUN}/segment/{{segmenter}}/model.pt",
    output:
        labels=f"{RUN}/segment/{{segmenter}}/{{split}}/{{scatteritem}}/labels.tsv",
    log:
        f"{RUN}/logs/infer_segmenter.{{segmenter}}/{{split}}.{{scatteritem}}.log",
    benchmark:
        f"{RUN}/benchmarks/infer_segmenter.{{segmenter}}/{{split}}.{{scatteritem}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        gpu=1,
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg("infer_segmenter"),
        code=code("infer_segmenter"),
    shell:
        "wsss infer-segmenter --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --shard {wildcards.scatteritem} --out {output.labels:q}"
        " --threads {threads} --config {params.config:q} --log {log:q}"
