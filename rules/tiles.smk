"""Large images in tiles: cut before everything else, whole again behind it.

Needed only if `dataset.tiles` is set; the chain then takes tiles for images.

REQUIRED INPUTS: the data set as `dataset` describes it, label maps of its tiles, the segmenter.
OUTPUTS: make_tiles/{key}/data/{labels.csv,tiles.tsv} (labels and places of the tiles),
    stitch_masks/{key}/{split}/labels.tsv (record of the label maps of whole images beside it),
    segment_whole/{key}/{split}/labels.tsv (likewise, predicted anew).
"""


rule make_tiles:
    """Cut every image and mask into tiles."""
    input:
        demo=made("demo"),
        fetched=made("fetched"),
        converted=made("converted"),
    output:
        labels=update(f"{STORE}/make_tiles/{{key}}/data/labels.csv"),
        table=update(f"{STORE}/make_tiles/{{key}}/data/tiles.tsv"),
    log:
        f"{STORE}/make_tiles/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/make_tiles/{{key}}/benchmarks/all.tsv"
    priority: 1
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "make_tiles of {params.users}"
    shell:
        "wsss make-tiles --converted {input.converted:q} --out {output.table:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule stitch_masks:
    """Combine the pseudo labels of tiles to those of the images they were cut from."""
    input:
        tiles=made("tiles"),
        labels=made("labels"),
    output:
        record=update(f"{STORE}/stitch_masks/{{key}}/{{split}}/labels.tsv"),
    log:
        f"{STORE}/stitch_masks/{{key}}/logs/{{split}}.log",
    benchmark:
        f"{STORE}/stitch_masks/{{key}}/benchmarks/{{split}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        users=users,
    message:
        "stitch_masks of {params.users}"
    shell:
        "wsss stitch-masks --tiles {input.tiles:q} --split {wildcards.split}"
        " --labels {input.labels:q} --out {output.record:q} --log {log:q} --users {params.users:q}"


rule segment_whole:
    """Predict the masks of the images that tiles were cut from."""
    input:
        tiles=made("tiles"),
        model=made("model"),
    output:
        record=update(f"{STORE}/segment_whole/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/segment_whole/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/segment_whole/{{key}}/benchmarks/{PART}.tsv"
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
        "segment_whole of {params.users}"
    shell:
        "wsss segment-whole --tiles {input.tiles:q} --model {input.model:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
