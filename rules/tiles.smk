"""Large images in tiles: cut before everything else, put together behind it.

Needed only if `dataset.tiles` is set; the chain then takes tiles for images.

REQUIRED INPUTS: the data set as `dataset` describes it, label maps of its tiles.
OUTPUTS: {results}/{dataset}/data/tiles/labels.csv (table of the tiles beside it),
    {run}/{stage}/stitched/{split}/labels.tsv (record of the label maps of whole images beside it).
"""


rule make_tiles:
    """Cut every image and mask into tiles."""
    input:
        demo=demo_labels(),
        fetched=fetched(),
        converted=converted_for_tiles(),
    output:
        labels=f"{OUT}/data/tiles/labels.csv",
    log:
        f"{OUT}/logs/make_tiles.log",
    benchmark:
        f"{OUT}/benchmarks/make_tiles.tsv"
    priority: 1
    conda:
        CONDA
    threads: 4
    resources:
        mem_mb=8000,
        runtime=240,
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
    """Put the label maps of tiles together to those of the images they were cut from."""
    input:
        tiles=f"{OUT}/data/tiles/labels.csv",
        labels=predictions,
    output:
        labels=f"{RUN}/{{stage}}/stitched/{{split}}/labels.tsv",
    log:
        f"{RUN}/logs/stitch_masks/{{stage}}.{{split}}.log",
    benchmark:
        f"{RUN}/benchmarks/stitch_masks/{{stage}}.{{split}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        code=code("stitch_masks"),
    shell:
        "wsss stitch-masks --tiles {input.tiles:q} --split {wildcards.split}"
        " --labels {input.labels:q} --out {output.labels:q} --log {log:q}"
