"""From a folder of images and their labels to an index that every stage reads.

REQUIRED INPUTS: the folder that `dataset` in the configuration names, or the network that it is
    downloaded from; the masks in `dataset.augment`; for a backbone with pretrained weights, the
    file that `backbone.weights` names.
OUTPUTS: make_demo/{key}/data, fetch_data/{key}/data (images and masks),
    convert_masks/{key}/{split}/labels.tsv (record of the masks drawn as PNGs beside it),
    prepare_data/{key}/index.{split}.tsv (images and image-level labels),
    prepare_masks/{key}/masks.{split}.tsv (ground truth, read by the evaluation alone),
    convert_weights/{key}/model.pt (checked backbone weights).
"""


rule make_demo:
    """Generate the demo data set in PASCAL VOC layout."""
    output:
        labels=update(f"{STORE}/make_demo/{{key}}/data/labels.csv"),
    log:
        f"{STORE}/make_demo/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/make_demo/{{key}}/benchmarks/all.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "make_demo of {params.users}"
    shell:
        "wsss make-demo --out {output.labels:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule fetch_data:
    """Download PASCAL VOC 2012 and SBD, and unpack an archive of masks."""
    output:
        fetched=update(f"{STORE}/fetch_data/{{key}}/data/fetched.json"),
    log:
        f"{STORE}/fetch_data/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/fetch_data/{{key}}/benchmarks/all.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(600),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "fetch_data of {params.users}"
    shell:
        "wsss fetch-data --out {output.fetched:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule convert_masks:
    """Write the masks of SBD, of an archive or of COCO's regions as PNGs."""
    input:
        fetched=made("fetched"),
    output:
        record=update(f"{STORE}/convert_masks/{{key}}/{{split}}/labels.tsv"),
    log:
        f"{STORE}/convert_masks/{{key}}/logs/{{split}}.log",
    benchmark:
        f"{STORE}/convert_masks/{{key}}/benchmarks/{{split}}.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "convert_masks of {params.users}"
    shell:
        "wsss convert-masks --split {wildcards.split} --out {output.record:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule prepare_data:
    """Check every image and label, and list those of a split."""
    input:
        demo=made("demo"),
        fetched=made("fetched"),
        converted=made("converted"),
        tiles=made("tiles"),
    output:
        index=update(f"{STORE}/prepare_data/{{key}}/index.{{split}}.tsv"),
    log:
        f"{STORE}/prepare_data/{{key}}/logs/{{split}}.log",
    benchmark:
        f"{STORE}/prepare_data/{{key}}/benchmarks/{{split}}.tsv"
    priority: 1
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "prepare_data of {params.users}"
    shell:
        "wsss prepare-data --converted {input.converted:q} --split {wildcards.split}"
        " --out {output.index:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule prepare_masks:
    """Check the ground-truth masks of a split and list them for the evaluation."""
    input:
        index=made("index"),
        demo=made("demo"),
        fetched=made("fetched"),
        converted=made("converted"),
        tiles=made("tiles"),
    output:
        masks=update(f"{STORE}/prepare_masks/{{key}}/masks.{{split}}.tsv"),
    log:
        f"{STORE}/prepare_masks/{{key}}/logs/{{split}}.log",
    benchmark:
        f"{STORE}/prepare_masks/{{key}}/benchmarks/{{split}}.tsv"
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "prepare_masks of {params.users}"
    shell:
        "wsss prepare-masks --converted {input.converted:q} --index {input.index:q}"
        " --out {output.masks:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule convert_weights:
    """Check the pretrained weights of a backbone."""
    output:
        weights=update(f"{STORE}/convert_weights/{{key}}/model.pt"),
    log:
        f"{STORE}/convert_weights/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/convert_weights/{{key}}/benchmarks/all.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        arguments=arguments,
        users=users,
    message:
        "convert_weights of {params.users}"
    shell:
        "wsss convert-weights --out {output.weights:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
