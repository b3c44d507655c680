"""From confident pixels to pseudo labels.

REQUIRED INPUTS: the CRF maps of train, the class activation maps, the classifier.
OUTPUTS: train_affinity/{key}/model.pt (AffinityNet), train_affinity/{key}/history.csv (its losses),
    random_walk/{key}/{split}/labels.tsv (record of the pseudo labels beside it).
"""


rule train_affinity:
    """Train AffinityNet on pairs of confident pixels."""
    input:
        index=made("index"),
        weights=made("weights"),
        classifier=made("classifier"),
        crf=made("crf"),
    output:
        model=update(f"{STORE}/train_affinity/{{key}}/model.pt"),
        history=update(f"{STORE}/train_affinity/{{key}}/history.csv"),
    log:
        f"{STORE}/train_affinity/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/train_affinity/{{key}}/benchmarks/all.tsv"
    conda:
        CONDA
    threads: 16
    resources:
        gpu=1,
        mem_mb=per_attempt(16000),
        runtime=2880,
    params:
        config=cfg,
        arguments=arguments,
        users=users,
        work=f"{STORE}/train_affinity/{{key}}/work",
        launcher=launcher,
    message:
        "train_affinity of {params.users}"
    shell:
        "{params.launcher} wsss train-affinity --index {input.index:q} --weights {input.weights:q}"
        " --classifier {input.classifier:q} --crf {input.crf:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule random_walk:
    """Spread the maps along the affinities and decide on pseudo labels."""
    input:
        index=made("index"),
        model=made("model"),
        cams=made("cams"),
    output:
        record=update(f"{STORE}/random_walk/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/random_walk/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/random_walk/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        gpu=1,
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        part=part,
        users=users,
    message:
        "random_walk of {params.users}"
    shell:
        "wsss random-walk --index {input.index:q} --model {input.model:q} --cams {input.cams:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
