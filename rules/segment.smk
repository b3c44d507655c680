"""From pseudo labels to a segmenter and its masks.

REQUIRED INPUTS: the pseudo labels of train, the classifier, checked backbone weights; a folder of
    corrected masks, if there is one.
OUTPUTS: read_corrected/{key}/train/labels.tsv (record of the corrected masks),
    train_segmenter/{key}/model.pt, train_segmenter/{key}/history.csv (its losses),
    pack_segmenter/{key}/model.pt (the segmenter with the settings of its inference),
    infer_segmenter/{key}/{split}/labels.tsv (record of the masks beside it),
    relabel/{key}/train/labels.tsv (masks that the next round of the segmenter learns).
"""


rule read_corrected:
    """Read the corrected masks of training images."""
    input:
        index=made("index"),
    output:
        record=update(f"{STORE}/read_corrected/{{key}}/{{split}}/labels.tsv"),
    log:
        f"{STORE}/read_corrected/{{key}}/logs/{{split}}.log",
    benchmark:
        f"{STORE}/read_corrected/{{key}}/benchmarks/{{split}}.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        arguments=arguments,
        users=users,
    message:
        "read_corrected of {params.users}"
    shell:
        "wsss read-corrected --index {input.index:q} --split {wildcards.split}"
        " --out {output.record:q}"
        " {params.arguments:q} --log {log:q} --users {params.users:q}"


rule train_segmenter:
    """Train the segmenter on the pseudo labels."""
    input:
        index=made("index"),
        weights=made("weights"),
        classifier=made("classifier"),
        labels=made("labels"),
        refined=made("refined"),
        masks=made("masks"),
        corrected=made("corrected"),
        val_index=watched("val_index"),
        val_masks=watched("val_masks"),
    output:
        model=update(f"{STORE}/train_segmenter/{{key}}/model.pt"),
        history=update(
            report(
                f"{STORE}/train_segmenter/{{key}}/history.csv",
                caption="captions/history.rst",
                category="Trainings",
                labels=training,
            )
        ),
    log:
        f"{STORE}/train_segmenter/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/train_segmenter/{{key}}/benchmarks/all.tsv"
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
        work=f"{STORE}/train_segmenter/{{key}}/work",
        launcher=launcher,
    message:
        "train_segmenter of {params.users}"
    shell:
        "{params.launcher} wsss train-segmenter --index {input.index:q} --weights {input.weights:q}"
        " --classifier {input.classifier:q} --labels {input.labels:q} --refined {input.refined:q}"
        " --masks {input.masks:q} --corrected {input.corrected:q}"
        " --val-index {input.val_index:q} --val-masks {input.val_masks:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule infer_segmenter:
    """Predict masks, without any label."""
    input:
        index=made("index"),
        model=made("model"),
    output:
        record=update(f"{STORE}/infer_segmenter/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/infer_segmenter/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/infer_segmenter/{{key}}/benchmarks/{PART}.tsv"
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
        "infer_segmenter of {params.users}"
    shell:
        "wsss infer-segmenter --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule pack_segmenter:
    """Put the settings of inference into the file of the segmenter."""
    input:
        index=made("index"),
        model=made("model"),
    output:
        model=update(f"{STORE}/pack_segmenter/{{key}}/model.pt"),
    log:
        f"{STORE}/pack_segmenter/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/pack_segmenter/{{key}}/benchmarks/all.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "pack_segmenter of {params.users}"
    shell:
        "wsss pack-segmenter --index {input.index:q} --model {input.model:q}"
        " --out {output.model:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule relabel:
    """Predict the masks of training images among their image labels, for the next round."""
    input:
        index=made("index"),
        model=made("model"),
    output:
        record=update(f"{STORE}/relabel/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/relabel/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/relabel/{{key}}/benchmarks/{PART}.tsv"
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
        "relabel of {params.users}"
    shell:
        "wsss relabel --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
