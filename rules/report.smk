"""From predictions and masks to metrics, pictures and one page.

REQUIRED INPUTS: the table of masks, the predictions of every product of every run.
OUTPUTS: evaluate/{key}/{product}.{split}.json, report/{key}/report.html and beside it summary.tsv,
    classes.tsv, differences.tsv.
"""


rule evaluate:
    """Compare the predictions of a split with the masks and the image labels."""
    input:
        index=made("index"),
        masks=made("masks"),
        predictions=made("predictions"),
        labels=made("labels"),
    output:
        result=update(f"{STORE}/evaluate/{{key}}/{{product}}.{{split}}.json"),
    log:
        f"{STORE}/evaluate/{{key}}/logs/{{product}}.{{split}}.log",
    benchmark:
        f"{STORE}/evaluate/{{key}}/benchmarks/{{product}}.{{split}}.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        config=cfg,
        arguments=arguments,
        users=users,
    message:
        "evaluate of {params.users}"
    shell:
        "wsss evaluate --split {wildcards.split} --index {input.index:q} --masks {input.masks:q}"
        " --predictions {input.predictions:q} --labels {input.labels:q}"
        " --out {output.result:q}"
        " --config {params.config:q} {params.arguments:q} --log {log:q} --users {params.users:q}"


rule report:
    """Show everything that the runs achieved on one page."""
    input:
        index=made("index"),
        masks=made("masks"),
        evaluations=made("evaluations"),
        models=made("models"),
        shown=made("shown"),
    output:
        page=update(
            report(
                f"{STORE}/report/{{key}}/report.html",
                caption="captions/report.rst",
                category="Results",
                labels={"content": "report", "format": "page"},
            )
        ),
        summary=update(
            report(
                f"{STORE}/report/{{key}}/summary.tsv",
                caption="captions/summary.rst",
                category="Results",
                labels={"content": "metrics of every stage", "format": "table"},
            )
        ),
        classes=update(
            report(
                f"{STORE}/report/{{key}}/classes.tsv",
                caption="captions/classes.rst",
                category="Results",
                labels={"content": "metrics of every class", "format": "table"},
            )
        ),
        differences=update(
            report(
                f"{STORE}/report/{{key}}/differences.tsv",
                caption="captions/differences.rst",
                category="Results",
                labels={"content": "differences between runs", "format": "table"},
            )
        ),
    log:
        f"{STORE}/report/{{key}}/logs/all.log",
    benchmark:
        f"{STORE}/report/{{key}}/benchmarks/all.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        runs=described_runs,
        config=whole_config,
    shell:
        "wsss report --index {input.index:q} --masks {input.masks:q} --runs {params.runs:q}"
        " --split val --out {output.page:q} --summary {output.summary:q}"
        " --classes {output.classes:q} --differences {output.differences:q}"
        " --config {params.config:q} --log {log:q}"


rule gather_parts:
    """List what the jobs of a split have made, as one."""
    input:
        parts_of,
    output:
        record=update(f"{STORE}/{{stage}}/{{key}}/{{split}}/{{record}}.tsv"),
    log:
        f"{STORE}/{{stage}}/{{key}}/logs/{{split}}/{{record}}.gather.log",
    benchmark:
        f"{STORE}/{{stage}}/{{key}}/benchmarks/gather/{{split}}.{{record}}.tsv"
    wildcard_constraints:
        key=scattered(),
        record="maps|labels",
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        parts=described_parts,
        users=users,
    message:
        "gather_parts of {params.users}"
    shell:
        "wsss gather-parts --parts {params.parts:q} --out {output.record:q} --log {log:q} --users {params.users:q}"


# a split that several jobs work on is made by gathering their parts
for stage in STAGES.values():
    if stage.scattered:
        workflow.ruleorder("gather_parts", stage.name)
