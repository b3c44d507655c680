"""From confident pixels to pseudo labels.

REQUIRED INPUTS: the refined maps of train, the class activation maps, the classifier.
OUTPUTS: unless features are compared, train_affinity/{key}/model.pt (AffinityNet) and
    train_affinity/{key}/history.csv (its losses),
    random_walk/{key}/{split}/labels.tsv (record of the pseudo labels beside it);
    with IRNet label_irn/{key}/train/labels.tsv (sure pixels), train_irn/{key}/model.pt and
    history.csv, walk_irn/{key}/{split}/labels.tsv in their place;
    with SAM sam_labels/{key}/{split}/labels.tsv, the pseudo labels after it.
"""


rule train_affinity:
    """Train AffinityNet on pairs of confident pixels."""
    input:
        index=made("index"),
        weights=made("weights"),
        classifier=made("classifier"),
        refined=made("refined"),
    output:
        model=update(f"{STORE}/train_affinity/{{key}}/model.pt"),
        history=update(
            report(
                f"{STORE}/train_affinity/{{key}}/history.csv",
                caption="captions/history.rst",
                category="Trainings",
                labels=training,
            )
        ),
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
        " --classifier {input.classifier:q} --refined {input.refined:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule label_refined:
    """Take the labels of the refined maps, without a walk."""
    input:
        index=made("index"),
        refined=made("refined"),
    output:
        record=update(f"{STORE}/label_refined/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/label_refined/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/label_refined/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg,
        part=part,
        users=users,
    message:
        "label_refined of {params.users}"
    shell:
        "wsss label-refined --index {input.index:q} --refined {input.refined:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} --log {log:q} --users {params.users:q}"


rule random_walk:
    """Spread the maps along the affinities and decide on pseudo labels."""
    input:
        index=made("index"),
        affinity=made("affinity"),
        classifier=made("classifier"),
        weights=made("weights"),
        cams=made("cams"),
        refined=made("refined"),
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
        "wsss random-walk --index {input.index:q} --affinity {input.affinity:q}"
        " --classifier {input.classifier:q} --weights {input.weights:q}"
        " --cams {input.cams:q} --refined {input.refined:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule label_irn:
    """Label the pixels that IRNet learns boundaries from."""
    input:
        index=made("index"),
        cams=made("cams"),
    output:
        record=update(f"{STORE}/label_irn/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/label_irn/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/label_irn/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        part=part,
        users=users,
    message:
        "label_irn of {params.users}"
    shell:
        "wsss label-irn --index {input.index:q} --cams {input.cams:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule train_irn:
    """Train IRNet on pairs of sure pixels."""
    input:
        index=made("index"),
        weights=made("weights"),
        classifier=made("classifier"),
        labels=made("labels"),
    output:
        model=update(f"{STORE}/train_irn/{{key}}/model.pt"),
        history=update(
            report(
                f"{STORE}/train_irn/{{key}}/history.csv",
                caption="captions/history.rst",
                category="Trainings",
                labels=training,
            )
        ),
    log:
        f"{STORE}/train_irn/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/train_irn/{{key}}/benchmarks/all.tsv"
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
        work=f"{STORE}/train_irn/{{key}}/work",
        launcher=launcher,
    message:
        "train_irn of {params.users}"
    shell:
        "{params.launcher} wsss train-irn --index {input.index:q} --weights {input.weights:q}"
        " --classifier {input.classifier:q} --labels {input.labels:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule walk_irn:
    """Spread the maps up to the boundaries and decide on pseudo labels."""
    input:
        index=made("index"),
        affinity=made("affinity"),
        cams=made("cams"),
    output:
        record=update(f"{STORE}/walk_irn/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/walk_irn/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/walk_irn/{{key}}/benchmarks/{PART}.tsv"
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
        "walk_irn of {params.users}"
    shell:
        "wsss walk-irn --index {input.index:q} --affinity {input.affinity:q}"
        " --cams {input.cams:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule sam_labels:
    """Correct the pseudo labels by the masks of SAM."""
    input:
        index=made("index"),
        labels=made("labels"),
        cams=made("cams"),
    output:
        record=update(f"{STORE}/sam_labels/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/sam_labels/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/sam_labels/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        gpu=1,
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        part=part,
        users=users,
    message:
        "sam_labels of {params.users}"
    shell:
        "wsss sam-labels --index {input.index:q} --labels {input.labels:q}"
        " --cams {input.cams:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
