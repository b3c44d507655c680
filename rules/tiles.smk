"""Large images in tiles: cut before everything else, whole again behind it.

Needed only if `dataset.tiles` is set; the chain then takes tiles for images.

REQUIRED INPUTS: the data set as `dataset` describes it, label maps of its tiles,
    {run}/segment/{segmenter}/model.pt.
OUTPUTS: {results}/{dataset}/data/tiles/{labels.csv,tiles.tsv} (what they show, where they lie),
    {run}/walk/stitched/{split}/labels.tsv (record of the label maps of whole images beside it),
    {run}/segment/{segmenter}/whole/{split}/{shard}/labels.tsv (likewise, predicted anew).
"""


rule make_tiles:
    """Cut every image and mask into tiles."""
    input:
        demo=demo_labels(),
        fetched=fetched(),
        converted=converted_for_tiles(),
    output:
        labels=f"{OUT}/data/tiles/labels.csv",
        table=f"{OUT}/data/tiles/tiles.tsv",
    log:
        f"{OUT}/logs/make_tiles.log",
    benchmark:
        f"{OUT}/benchmarks/make_tiles.tsv"
    priority: 1
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        config=cfg("make_tiles"),
        code=code("make_tiles"),
        root=root,
        augment=augment(),
        content=tiles_content,
        out=tiles_folder,
    shell:
        "wsss make-tiles --root {params.root:q} {params.augment:q}"
        " --converted {input.converted:q} --out {params.out:q} --threads {threads}"
        " --config {params.config:q} --log {log:q}"


rule stitch_masks:
    """Put the pseudo labels of tiles together to those of the images they were cut from."""
    input:
        tiles=f"{OUT}/data/tiles/tiles.tsv",
        labels=shards(f"{RUN}/walk/{{split}}/{{scatteritem}}/labels.tsv"),
    output:
        labels=f"{RUN}/walk/stitched/{{split}}/labels.tsv",
    log:
        f"{RUN}/logs/stitch_masks.{{split}}.log",
    benchmark:
        f"{RUN}/benchmarks/stitch_masks.{{split}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        code=code("stitch_masks"),
    shell:
        "wsss stitch-masks --tiles {input.tiles:q} --split {wildcards.split}"
        " --labels {input.labels:q} --out {output.labels:q} --log {log:q}"


rule segment_whole:
    """Predict the masks of a shard of the images that tiles were cut from."""
    input:
        tiles=f"{OUT}/data/tiles/tiles.tsv",
        model=f"{RUN}/segment/{{segmenter}}/model.pt",
    output:
        labels=f"{RUN}/segment/{{segmenter}}/whole/{{split}}/{{scatteritem}}/labels.tsv",
    log:
        f"{RUN}/logs/segment_whole.{{segmenter}}/{{split}}.{{scatteritem}}.log",
    benchmark:
        f"{RUN}/benchmarks/segment_whole.{{segmenter}}/{{split}}.{{scatteritem}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        gpu=1,
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        config=cfg("segment_whole"),
        code=code("segment_whole"),
    shell:
        "wsss segment-whole --tiles {input.tiles:q} --model {input.model:q}"
        " --split {wildcards.split} --shard {wildcards.scatteritem} --out {output.labels:q}"
        " --threads {threads} --config {params.config:q} --log {log:q}"
