"""Image-level labels in, segmentation masks and a trained segmenter out."""

from snakemake.utils import min_version

min_version("9.5")


scattergather:
    images=4,


localrules:
    all,


include: "rules/common.smk"
include: "rules/common_data.smk"
include: "rules/common_runs.smk"


rule all:
    """The networks and masks of every run, those of images cut into tiles, and the report."""
    input:
        f"{OUT}/report.html",
        products(),
        whole_masks(),


include: "rules/data.smk"
include: "rules/tiles.smk"
include: "rules/cam.smk"
include: "rules/crf.smk"
include: "rules/affinity.smk"
include: "rules/segment.smk"
include: "rules/report.smk"


onsuccess:
    discard_checkpoints()
    print_summary()


onerror:
    discard_checkpoints()
