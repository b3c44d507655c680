"""From confident pixels to pseudo labels.

REQUIRED INPUTS: {run}/crf/maps/train, {run}/cam/maps/{split}, {run}/cam/model.pt.
OUTPUTS: {run}/affinity/model.pt (AffinityNet), {run}/affinity/history.csv (its losses),
    {run}/walk/{split}/{shard}/labels.tsv (record of the pseudo labels beside it).
"""


rule train_affinity:
    """Train AffinityNet on pairs of confident pixels."""
    input:
        index=f"{OUT}/index.train.tsv",
        weights=cam_weights,
        classifier=f"{RUN}/cam/model.pt",
        crf=shards(f"{RUN}/crf/maps/train/{{scatteritem}}.npz"),
    output:
        model=f"{RUN}/affinity/model.pt",
        history=f"{RUN}/affinity/history.csv",
    log:
        f"{RUN}/logs/train_affinity.log",
    benchmark:
        f"{RUN}/benchmarks/train_affinity.tsv"
    conda:
        CONDA
    threads: 16
    resources:
        gpu=1,
        mem_mb=per_attempt(16000),
        runtime=2880,
    params:
        config=cfg("train_affinity"),
        code=code("train_affinity"),
        work=f"{RUN}/affinity/work",
        launcher=launcher,
    shell:
        "{params.launcher} wsss train-affinity --index {input.index:q} --weights {input.weights:q}"
        " --classifier {input.classifier:q} --crf {input.crf:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} --log {log:q}"


rule random_walk:
    """Spread the maps of a shard along the affinities and decide on pseudo labels."""
    input:
        index=f"{OUT}/index.{{split}}.tsv",
        model=f"{RUN}/affinity/model.pt",
        cams=f"{RUN}/cam/maps/{{split}}/{{scatteritem}}.npz",
    output:
        labels=f"{RUN}/walk/{{split}}/{{scatteritem}}/labels.tsv",
    log:
        f"{RUN}/logs/random_walk/{{split}}.{{scatteritem}}.log",
    benchmark:
        f"{RUN}/benchmarks/random_walk/{{split}}.{{scatteritem}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        gpu=1,
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg("random_walk"),
        code=code("random_walk"),
    shell:
        "wsss random-walk --index {input.index:q} --model {input.model:q} --cams {input.cams:q}"
        " --split {wildcards.split} --shard {wildcards.scatteritem} --out {output.labels:q}"
        " --threads {threads} --config {params.config:q} --log {log:q}"
