"""From predictions and masks to figures, pictures and one page.

REQUIRED INPUTS: {results}/{dataset}/masks.{split}.tsv, the predictions of every stage (the report
    finds those of the split that it shows itself: a command line has no room for all shards).
OUTPUTS: {run}/{stage}/eval.{split}.json, {results}/{dataset}/report.html,
    {results}/{dataset}/summary.tsv.
"""


rule evaluate:
    """Compare the predictions of a stage with the masks and the image labels."""
    input:
        index=f"{OUT}/index.{{split}}.tsv",
        masks=f"{OUT}/masks.{{split}}.tsv",
        predictions=predictions,
    output:
        result=f"{RUN}/{{stage}}/eval.{{split}}.json",
    log:
        f"{RUN}/logs/evaluate/{{stage}}.{{split}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate/{{stage}}.{{split}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg("evaluate"),
        code=code("evaluate"),
        kind=kind,
    shell:
        "wsss evaluate --kind {params.kind} --split {wildcards.split} --index {input.index:q}"
        " --masks {input.masks:q} --predictions {input.predictions:q} --out {output.result:q}"
        " --config {params.config:q} --log {log:q}"


rule report:
    """Draw everything that the runs achieved on one page."""
    input:
        index=expand(f"{OUT}/index.{{split}}.tsv", split=SPLITS),
        masks=expand(f"{OUT}/masks.{{split}}.tsv", split=SPLITS),
        evaluations=evaluations(),
        histories=[f"{folder}/history.csv" for folder in trained()],
        shown=shown(),
    output:
        page=report(
            f"{OUT}/report.html",
            caption="../src/wsss/report/caption.rst",
            category="wsss",
        ),
        summary=report(f"{OUT}/summary.tsv", category="wsss"),
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/benchmarks/report.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        runs=[f"{run}={OUT}/{run}" for run in RUNS],
        shards=shard_count(),
        config=whole_config(),
        code=code("report"),
        page=page_content(),
    shell:
        "wsss report --index {input.index:q} --masks {input.masks:q} --runs {params.runs:q}"
        " --evaluations {input.evaluations:q} --shards {params.shards} --split val"
        " --out {output.page:q} --summary {output.summary:q}"
        " --config {params.config:q} --log {log:q}"
