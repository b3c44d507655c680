"""From class activation maps to confident pixels.

REQUIRED INPUTS: the class activation maps.
OUTPUTS: refine_maps/{key}/{split}/maps.tsv (label scores for every background exponent).
"""


rule refine_maps:
    """Refine maps with PAR, a dense CRF or both, for all exponents at once."""
    input:
        index=made("index"),
        cams=made("cams"),
    output:
        record=update(f"{STORE}/refine_maps/{{key}}/{PART}.tsv"),
    log:
        f"{STORE}/refine_maps/{{key}}/logs/{PART}.log",
    benchmark:
        f"{STORE}/refine_maps/{{key}}/benchmarks/{PART}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        gpu=refiner_gpus,
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        part=part,
        users=users,
    message:
        "refine_maps of {params.users}"
    shell:
        "wsss refine-maps --index {input.index:q} --cams {input.cams:q}"
        " --split {wildcards.split} --part {params.part} --out {output.record:q} --threads {threads}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"
