"""From a folder of images and their labels to an index that every stage reads.

REQUIRED INPUTS: the folder that `dataset` in the configuration names, or the network that it is
    downloaded from; the masks in `dataset.augment`; for a backbone with pretrained weights, the
    file that `backbone.weights` names.
OUTPUTS: {results}/{dataset}/data/fetched.json (downloaded or unpacked, beside the folders),
    {results}/{dataset}/data/masks/{split}/labels.tsv (masks drawn as PNGs, beside them),
    {results}/{dataset}/index.{split}.tsv (images and image-level labels),
    {results}/{dataset}/masks.{split}.tsv (ground truth, read by the evaluation alone),
    {results}/weights/{weights}.pt (checked backbone weights).
"""


rule make_demo:
    """Generate the demo data set in PASCAL VOC layout."""
    output:
        labels=f"{OUT}/data/labels.csv",
    log:
        f"{OUT}/logs/make_demo.log",
    benchmark:
        f"{OUT}/benchmarks/make_demo.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        config=cfg("make_demo"),
        code=code("make_demo"),
        out=demo_folder,
    shell:
        "wsss make-demo --out {params.out:q} --config {params.config:q} --log {log:q}"


rule fetch_data:
    """Download PASCAL VOC 2012 and SBD, and unpack an archive of masks."""
    output:
        fetched=f"{OUT}/data/fetched.json",
    log:
        f"{OUT}/logs/fetch_data.log",
    benchmark:
        f"{OUT}/benchmarks/fetch_data.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(600),
    params:
        config=cfg("fetch_data"),
        code=code("fetch_data"),
        content=archive_content(),
    shell:
        "wsss fetch-data --out {output.fetched:q} --config {params.config:q} --log {log:q}"


rule convert_masks:
    """Write the masks of SBD, of an archive or of COCO's regions as PNGs."""
    input:
        fetched=fetched(),
    output:
        record=CONVERTED,
    log:
        f"{OUT}/logs/convert_masks.{{split}}.log",
    benchmark:
        f"{OUT}/benchmarks/convert_masks.{{split}}.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg("convert_masks"),
        code=code("convert_masks"),
        root=root,
        augment=augment(),
        content=drawn_content,
    shell:
        "wsss convert-masks --root {params.root:q} {params.augment:q}"
        " --split {wildcards.split} --out {output.record:q}"
        " --config {params.config:q} --log {log:q}"


rule prepare_data:
    """Check every image and label, and list those of a split."""
    input:
        demo=demo_labels(),
        fetched=fetched(),
        converted=converted_for_labels(),
        tiles=tiles_labels(),
    output:
        index=f"{OUT}/index.{{split}}.tsv",
    log:
        f"{OUT}/logs/prepare_data.{{split}}.log",
    benchmark:
        f"{OUT}/benchmarks/prepare_data.{{split}}.tsv"
    priority: 1
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg("prepare_data"),
        code=code("prepare_data"),
        root=listed_root,
        augment=augment(),
        content=index_content,
    shell:
        "wsss prepare-data --root {params.root:q} {params.augment:q}"
        " --converted {input.converted:q} --split {wildcards.split}"
        " --out {output.index:q} --threads {threads}"
        " --config {params.config:q} --log {log:q}"


rule prepare_masks:
    """Check the ground-truth masks of a split and list them for the evaluation."""
    input:
        index=f"{OUT}/index.{{split}}.tsv",
        converted=converted_for_evaluation,
        tiles=tiles_labels(),
    output:
        masks=f"{OUT}/masks.{{split}}.tsv",
    log:
        f"{OUT}/logs/prepare_masks.{{split}}.log",
    benchmark:
        f"{OUT}/benchmarks/prepare_masks.{{split}}.tsv"
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        config=cfg("prepare_masks"),
        code=code("prepare_masks"),
        root=listed_root,
        augment=augment(),
        content=masks_content,
    shell:
        "wsss prepare-masks --root {params.root:q} {params.augment:q}"
        " --converted {input.converted:q} --index {input.index:q}"
        " --out {output.masks:q} --threads {threads}"
        " --config {params.config:q} --log {log:q}"


rule convert_weights:
    """Check the pretrained weights of a backbone."""
    output:
        weights=f"{CONFIG.results}/weights/{{weights}}.pt",
    log:
        f"{CONFIG.results}/weights/{{weights}}.log",
    benchmark:
        f"{CONFIG.results}/weights/{{weights}}.tsv"
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        backbone=weights_backbone,
        source=weights_source,
        code=code("convert_weights"),
        content=weights_content,
    shell:
        "wsss convert-weights --backbone {params.backbone:q} --source {params.source:q}"
        " --out {output.weights:q} --log {log:q}"
