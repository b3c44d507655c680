"""Image-level labels in, segmentation masks and a trained segmenter out."""

from snakemake.utils import min_version

min_version("9.5")


configfile: "config.yaml"


scattergather:
    images=4,


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/cam.smk"
include: "rules/crf.smk"
include: "rules/affinity.smk"
include: "rules/segment.smk"
include: "rules/report.smk"


rule all:
    """The report on every run, and with it everything that it shows."""
    localrule: True
    default_target: True
    input:
        OUT + "/report.html",


onsuccess:
    print_summary()
