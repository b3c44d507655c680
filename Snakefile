"""Image-level labels in, segmentation masks and a trained segmenter out."""

from snakemake.utils import min_version

min_version("9.5")


configfile: "config.yaml"


scattergather:
    images=4,


localrules:
    all,


include: "rules/common.smk"
include: "rules/common_data.smk"
include: "rules/common_runs.smk"


rule all:
    """The report on every run, with all that it shows, and masks of images cut into tiles."""
    input:
        f"{OUT}/report.html",
        whole_masks(),


include: "rules/data.smk"
include: "rules/tiles.smk"
include: "rules/cam.smk"
include: "rules/crf.smk"
include: "rules/affinity.smk"
include: "rules/segment.smk"
include: "rules/report.smk"


onsuccess:
    print_summary()
