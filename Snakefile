"""Image-level labels in, segmentation masks and a trained segmenter out."""

from snakemake.utils import min_version

min_version("9.5")


localrules:
    all,
    gather_parts,


include: "rules/common.smk"


rule all:
    """The networks and masks of every run, and the report."""
    input:
        PLAN.targets(),


include: "rules/data.smk"
include: "rules/tiles.smk"
include: "rules/cam.smk"
include: "rules/refine.smk"
include: "rules/affinity.smk"
include: "rules/segment.smk"
include: "rules/report.smk"


onstart:
    publish()
    fetch()


onsuccess:
    finish()


onerror:
    publish()
