"""From image labels to class activation maps.

REQUIRED INPUTS: the index, checked backbone weights; for methods that learn from boundaries the
    refined maps of another run, or a folder of the user's own maps.
OUTPUTS: make_boundaries/{key}/train/maps.tsv (boundary maps, for those methods),
    train_cam/{key}/model.pt (classifier), train_cam/{key}/history.csv (its losses),
    pack_classifier/{key}/model.pt (the classifier with the settings of its inference),
    embed_text/{key}/text.safetensors (features of class names, for methods that are not trained),
    prepare_cam/{key}/model.pt, prepare_cam/{key}/history.csv (their network, and no losses),
    evaluate_classifier/{key}/classifier.{split}.json (its metrics on the image labels),
    infer_cam/{key}/{split}/maps.tsv (record of the maps of the labelled classes).
"""


rule make_boundaries:
    """Compute boundary maps from the refined maps of another run, or take the user's."""
    input:
        index=made("index"),
        refined=made("refined"),
    output:
        record=update(f"{STORE}/make_boundaries/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/make_boundaries/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/make_boundaries/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg,
        arguments=arguments,
        part=part,
        refined=refined_maps,
        users=users,
    message:
        "make_boundaries of {params.users}"
    shell:
        "wsss make-boundaries --index {input.index:q} {params.refined:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule embed_text:
    """Compute the features of class names and background words by a text tower, once."""
    input:
        index=made("index"),
    output:
        text=update(f"{STORE}/embed_text/{{key}}/text.safetensors"),
    log:
        f"{STORE}/embed_text/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/embed_text/{{key}}/benchmarks/all.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        config=cfg,
        users=users,
    message:
        "embed_text of {params.users}"
    shell:
        "wsss embed-text --index {input.index:q} --out {output.text:q}"
        " --config {params.config:q} --log {log:q} --users {params.users:q}"


rule prepare_cam:
    """Put the network of a method together that is not trained."""
    input:
        index=made("index"),
        further=made("further"),
        text=made("text"),
    output:
        model=update(f"{STORE}/prepare_cam/{{key}}/model.pt"),
        history=update(f"{STORE}/prepare_cam/{{key}}/history.csv"),
    log:
        f"{STORE}/prepare_cam/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/prepare_cam/{{key}}/benchmarks/all.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "prepare_cam of {params.users}"
    shell:
        "wsss prepare-cam --index {input.index:q} --text {input.text:q} --out {output.model:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule train_cam:
    """Train the classifier whose activation maps locate the labels."""
    input:
        index=made("index"),
        weights=made("weights"),
        further=made("further"),
        boundaries=made("boundaries"),
        val_index=watched("val_index"),
    output:
        model=update(f"{STORE}/train_cam/{{key}}/model.pt"),
        history=update(
            report(
                f"{STORE}/train_cam/{{key}}/history.csv",
                caption="captions/history.rst",
                category="Trainings",
                labels=training,
            )
        ),
    log:
        f"{STORE}/train_cam/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/train_cam/{{key}}/benchmarks/all.tsv"
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
        work=f"{STORE}/train_cam/{{key}}/work",
        launcher=launcher,
    message:
        "train_cam of {params.users}"
    shell:
        "{params.launcher} wsss train-cam --index {input.index:q} --weights {input.weights:q}"
        " --boundaries {input.boundaries:q} --val-index {input.val_index:q}"
        " --out {output.model:q} --history {output.history:q} --work {params.work:q}"
        " --threads {threads} --devices {resources.gpu}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule evaluate_classifier:
    """Compare the labels that the classifier predicts for a split with its image labels."""
    input:
        index=made("index"),
        model=made("model"),
    output:
        result=update(f"{STORE}/evaluate_classifier/{{key}}/classifier.{{split}}.json"),
    log:
        f"{STORE}/evaluate_classifier/{{key}}/logs/{{split}}.log",
    benchmark:
        f"{STORE}/evaluate_classifier/{{key}}/benchmarks/{{split}}.tsv"
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
        users=users,
    message:
        "evaluate_classifier of {params.users}"
    shell:
        "wsss evaluate-classifier --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --out {output.result:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule pack_classifier:
    """Put the settings of inference into the file of the classifier."""
    input:
        index=made("index"),
        model=made("model"),
    output:
        model=update(f"{STORE}/pack_classifier/{{key}}/model.pt"),
    log:
        f"{STORE}/pack_classifier/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/pack_classifier/{{key}}/benchmarks/all.tsv"
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
        "pack_classifier of {params.users}"
    shell:
        "wsss pack-classifier --index {input.index:q} --model {input.model:q}"
        " --out {output.model:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule infer_cam:
    """Compute the activation maps of a split, over scales and mirrored views."""
    input:
        index=made("index"),
        model=made("model"),
    output:
        record=update(f"{STORE}/infer_cam/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/infer_cam/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/infer_cam/{{key}}/benchmarks/{PART}.tsv"
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
        "infer_cam of {params.users}"
    shell:
        "wsss infer-cam --index {input.index:q} --model {input.model:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
