"""From image labels to class activation maps.

REQUIRED INPUTS: {results}/{dataset}/index.{split}.tsv, checked backbone weights; for methods that
    learn from boundaries the CRF maps of another run, or a folder of the user's own maps.
OUTPUTS: {run}/boundaries/train/{shard}.npz (boundary maps, for those methods),
    {run}/cam/model.pt (classifier), {run}/cam/history.csv (its losses),
    {run}/cam/maps/{split}/{shard}.npz (maps of the labelled classes).
"""


rule make_boundaries:
    """Draw the boundary maps of a shard from the CRF maps of another run, or take the user's."""
    input:
        index=f"{OUT}/index.train.tsv",
        crf=boundary_crf,
    output:
        maps=f"{RUN}/boundaries/train/{{scatteritem}}.npz",
    log:
        f"{RUN}/logs/make_boundaries/{{scatteritem}}.log",
    benchmark:
        f"{RUN}/benchmarks/make_boundaries/{{scatteritem}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg("make_boundaries"),
        code=code("make_boundaries"),
        source=boundary_source,
        content=boundary_content,
    shell:
        "wsss make-boundaries --index {input.index:q} --split train"
        " --shard {wildcards.scatteritem} {params.source:q} --out {output.maps:q}"
        " --config {params.config:q} --log {log:q}"


rule train_cam:
    """Train the classifier whose activation maps locate the labels."""
    input:
        index=f"{OUT}/index.train.tsv",
        weights=cam_weights,
        further=further_weights,
        boundaries=boundary_maps,
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
        gpu=1,
        mem_mb=per_attempt(16000),
        runtime=2880,
    params:
        config=cfg("train_cam"),
        code=method_code("train_cam"),
        further=further_arguments,
        checkpoint=checkpoint("cam"),
        content=checkpoint_content("cam"),
        work=f"{RUN}/cam/work",
        launcher=launcher,
    shell:
        "{params.launcher} wsss train-cam --index {input.index:q} --weights {input.weights:q}"
        " --further {params.further:q} --boundaries {input.boundaries:q}"
        " --checkpoint {params.checkpoint:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} --log {log:q}"


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
        gpu=1,
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg("infer_cam"),
        code=method_code("infer_cam"),
    shell:
        "wsss infer-cam --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --shard {wildcards.scatteritem} --out {output.maps:q}"
        " --threads {threads} --config {params.config:q} --log {log:q}"
