"""From class activation maps to confident pixels.

REQUIRED INPUTS: {run}/cam/maps/{split}/{shard}.npz.
OUTPUTS: {run}/crf/maps/{split}/{shard}.npz (posteriors for every background exponent).
"""


rule refine_crf:
    """Refine the maps of a shard with a dense CRF, one lattice for all exponents."""
    input:
        index=f"{OUT}/index.{{split}}.tsv",
        cams=f"{RUN}/cam/maps/{{split}}/{{scatteritem}}.npz",
    output:
        maps=f"{RUN}/crf/maps/{{split}}/{{scatteritem}}.npz",
    log:
        f"{RUN}/logs/refine_crf/{{split}}.{{scatteritem}}.log",
    benchmark:
        f"{RUN}/benchmarks/refine_crf/{{split}}.{{scatteritem}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(240),
    params:
        config=cfg("refine_crf"),
        code=code("refine_crf"),
    shell:
        "wsss refine-crf --index {input.index:q} --cams {input.cams:q}"
        " --split {wildcards.split} --shard {wildcards.scatteritem} --out {output.maps:q}"
        " --config {params.config:q} --log {log:q}"
