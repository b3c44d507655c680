"""From class activation maps to confident pixels.

REQUIRED INPUTS: the class activation maps.
OUTPUTS: refine_crf/{key}/{split}/maps.tsv (posteriors for every background exponent).
"""


rule refine_crf:
    """Refine maps with a dense CRF, one lattice for all exponents."""
    input:
        index=made("index"),
        cams=made("cams"),
    output:
        record=update(f"{STORE}/refine_crf/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/refine_crf/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/refine_crf/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        part=part,
        users=users,
    message:
        "refine_crf of {params.users}"
    shell:
        "wsss refine-crf --index {input.index:q} --cams {input.cams:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
