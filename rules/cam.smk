"""From image labels to class activation maps.

REQUIRED INPUTS: {results}/{dataset}/index.{split}.tsv, checked backbone weights.
OUTPUTS: {run}/cam/model.pt (classifier), {run}/cam/history.csv (its losses),
    {run}/cam/maps/{split}/{shard}.npz (maps of the labelled classes).
"""


rule train_cam:
    """Train the classifier whose activation maps locate the labels."""
    input:
        index=f"{OUT}/index.train.tsv",
        weights=cam_weights,
    output:
        model=f"{RUN}/cam/model.pt",
        history=f"{RUN}/cam/history.csv",
    log:
        f"{RUN}/logs/train_cam.log",
    benchmark:
        f"{RUN}/benchmarks/train_cam.tsv"
    conda:
        CONDA
    threads: 16
    resources:
        mem_mb=16000,
        runtime=2880,
    params:
        config=cfg("train_cam"),
        code=method_code("train_cam"),
        work=f"{RUN}/work/train_cam",
    shell:
        "wsss train-cam --index {input.index:q} --weights {input.weights:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --config {params.config:q} --log {log:q}"


rule infer_cam:
    """Draw the activation maps of a shard, over scales and mirrored views."""
    input:
        index=f"{OUT}/index.{{split}}.tsv",
        model=f"{RUN}/cam/model.pt",
    output:
        maps=f"{RUN}/cam/maps/{{split}}/{{scatteritem}}.npz",
    log:
        f"{RUN}/logs/infer_cam/{{split}}.{{scatteritem}}.log",
    benchmark:
        f"{RUN}/benchmarks/infer_cam/{{split}}.{{scatteritem}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        config=cfg("infer_cam"),
        code=method_code("infer_cam"),
    shell:
        "wsss infer-cam --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --shard {wildcards.scatteritem} --out {output.maps:q}"
        " --threads {threads} --config {params.config:q} --log {log:q}"
