"""The artifacts that a configuration asks for, each addressed by what it is made from.

The key of an artifact is a digest of the stage, its slice of the configuration, the version of its
code, the content of the user's files that it reads and the keys of the artifacts that go into it.
Equal keys mean equal results: runs share what is equal, and what lies under another key is never
looked at. Nothing here reads an artifact; whether it exists is all that the workflow checks.
"""

import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from math import ceil
from pathlib import Path

from wsss import pipeline
from wsss.config.backbones import BackboneOptions
from wsss.config.model import Config
from wsss.config.resolve import runs
from wsss.config.slices import canonical, effective, slice_of
from wsss.io.parts import WHOLE
from wsss.io.provenance import code_digest, package_files_digest, text_digest
from wsss.pipeline import EVALUATE, REPORT
from wsss.plan.artifact import Artifact, Inputs
from wsss.plan.contents import Contents
from wsss.plan.details import details
from wsss.plan.table import check
from wsss.products import (
    PSEUDO_LABELS,
    SPLITS,
    TRAIN,
    UNSPLIT,
    VAL,
    Case,
    Input,
    Product,
    Split,
    Stage,
)

LAYOUT = 1
"""Version of the store; artifacts of another one have other keys."""

IMAGES_PER_JOB = 200
"""Images that a job works on unless `jobs` is configured."""

MOST_JOBS = 64
"""Jobs that a split is shared among at the most unless `jobs` is configured."""

JOBS_UNKNOWN = 4
"""Jobs for a split whose number of images is not known before it is downloaded or cut."""


REPORTED = ("summary.tsv", "classes.tsv", "differences.tsv")
"""Tables beside the report: of runs and stages, of classes, of differences between runs."""


class Plan:
    """All artifacts of a configuration.

    Args:
        config: the configuration.
        contents: digests of the user's files.

    Raises:
        UserError: a wrong key or value in a run.
    """

    def __init__(self, config: Config, contents: Contents) -> None:
        check()
        self.config = config
        self.runs = runs(config)
        self.store = f"{config.results}/store"
        self.folder = f"{config.results}/{config.dataset.name}"
        self.artifacts: dict[str, Artifact] = {}
        self.contents = contents
        self._values = {None: effective(config)} | {n: effective(r) for n, r in self.runs.items()}
        self._known: dict[tuple[str, Split | None, str | None], Artifact | None] = {}
        self.report = self._report()
        self._name_runs()

    # ---- what the workflow asks for ----

    def targets(self) -> list[str]:
        """Return the files of a finished workflow: report, networks, what runs are made for."""
        found = [self.report]
        for _, row, split, artifact in self.products():
            if split in row.target:
                found.append(artifact)
        return list(dict.fromkeys(artifact.path for artifact in found))

    def products(self) -> Iterator[tuple[str, Product, Split | None, Artifact]]:
        """Yield run, row of the table, split and artifact of everything that runs are made of."""
        for name, run in self.runs.items():
            for row in pipeline.reached(run.until):
                for split in row.splits:
                    if artifact := self.artifact(row.name, split, name):
                        yield name, row, split, artifact

    def evaluation(self, of: Product, split: Split, run: str) -> Artifact:
        """Return the evaluation of a product of a run."""
        inputs = {
            "index": self._shared("index", split),
            "masks": self._shared("masks", split),
            "predictions": tuple(filter(None, [self.artifact(of.name, split, run)])),
            "labels": self._learnt(of, split, run),
        }
        row = Product(of.name, "document", (EVALUATE,), file=f"{of.name}.{split}.json")
        arguments = ["--product", of.name, "--form", of.form]
        return self._add(EVALUATE, row, split, run, inputs, arguments, arguments)

    def _learnt(self, of: Product, split: Split, run: str) -> tuple[Artifact, ...]:
        """Return the pseudo labels of a split that masks without image labels are learnt from."""
        if of.uses_labels:
            return ()
        found = (self.artifact(row.name, split, run) for row in pipeline.pseudo_labels(of))
        return tuple(artifact for artifact in found if artifact)[:1]

    def discard_checkpoints(self) -> None:
        """Remove the checkpoints of trainings that have ended."""
        for _, row, _, artifact in self.products():
            if row.kind == "model" and artifact.exists:
                shutil.rmtree(Path(artifact.folder, "work/resume"), ignore_errors=True)

    # ---- artifacts ----

    def artifact(
        self, product: str, split: Split | None, run: str | None = None
    ) -> Artifact | None:
        """Return an artifact; None if there is no such product.

        Args:
            product: name of the product.
            split: its split; None if it is made once for all images.
            run: name of the run; None for what all runs share.
        """
        place = (product, split, run)
        if place not in self._known:
            row = pipeline.product(product)
            stage = row.maker(self._case(run)) if split in row.splits else None
            self._known[place] = self._made(stage, row, split, run) if stage else None
        return self._known[place]

    def _case(self, run: str | None) -> Case:
        return Case(self.config.dataset, self.runs[run] if run else self.config)

    def _shared(self, product: str, *splits: Split | None) -> tuple[Artifact, ...]:
        return tuple(a for split in splits if (a := self.artifact(product, split)))

    def _made(self, stage: Stage, row: Product, split: Split | None, run: str | None) -> Artifact:
        inputs = {need.role: tuple(self._needed(need, row, split, run)) for need in stage.inputs}
        case, results = self._case(run), self.config.results
        facts, arguments = details(stage, split, case, results, inputs, self.contents)
        watched = {}
        if stage.watched is not None:
            watched = {n.role: tuple(self._needed(n, row, VAL, run)) for n in stage.watched}
            arguments += ["--monitor", self.config.monitor.model_dump_json()]
        return self._add(stage, row, split, run, inputs, facts, arguments, watched)

    def _source(self, need: Input, row: Product, run: str | None) -> Product:
        """Return the product of an input."""
        if need.product != PSEUDO_LABELS:
            return pipeline.product(need.product)
        return next(p for p in pipeline.pseudo_labels(row) if self.artifact(p.name, TRAIN, run))

    def _needed(
        self, need: Input, row: Product, split: Split | None, run: str | None
    ) -> Iterator[Artifact]:
        """Yield the artifacts of an input of a stage."""
        case = self._case(run)
        if need.when and not need.when(case):
            return
        if need.backbones is not None:
            backbones = need.backbones(case.run).values()
            yield from (self._weights(b, run) for b in backbones if b.weights)
            return
        source = self._source(need, row, run)
        owner = need.of_run(run or "", case.run) if need.of_run else run
        wanted = {"same": (split,), "train": (TRAIN,), "all": source.splits}[need.split]
        for one in source.splits if source.splits == UNSPLIT else wanted:
            if artifact := self.artifact(source.name, one, owner if source.step else None):
                yield artifact

    def _weights(self, backbone: BackboneOptions, run: str | None) -> Artifact:
        """Return the checked weights of a backbone."""
        row, source = pipeline.product("weights"), backbone.weights or ""
        facts = [backbone.name, source]
        if file := backbone.weights_file():
            facts.append(self.contents.file(file))
        arguments = ["--backbone", backbone.name, "--source", source]
        if accepted := self.config.accept_license:
            arguments += ["--accept", *accepted]
        return self._add(row.makers[0], row, None, run, {}, facts, arguments)

    def _name_runs(self) -> None:
        """Let every artifact know the runs that need it, in their order."""
        # inputs are added before what is made from them
        for artifact in reversed(self.artifacts.values()):
            for source in chain.from_iterable(artifact.inputs.values()):
                source.runs.update(artifact.runs)
        for artifact in self.artifacts.values():
            known = [name for name in self.runs if name in artifact.runs]
            artifact.runs.clear()
            artifact.runs.update(dict.fromkeys(known))

    def _add(
        self,
        stage: Stage,
        row: Product,
        split: Split | None,
        run: str | None,
        inputs: Inputs,
        facts: Sequence[str],
        arguments: Sequence[str],
        watched: Inputs | None = None,
    ) -> Artifact:
        """Return the artifact with the key of its inputs and of the facts that it depends on.

        Arguments of the stage do not count, what matters of them is among the facts, nor does what
        is `watched`.
        """
        values = self._values[run]
        keys = {role: [artifact.key for artifact in found] for role, found in inputs.items()}
        config, code = slice_of(stage.name, values), _code(stage, values["method"])
        key = text_digest(canonical([LAYOUT, stage.name, split, config, code, keys, [*facts]]))[:12]
        if key not in self.artifacts:
            self.artifacts[key] = Artifact(
                stage=stage.name,
                key=key,
                product=row.name,
                split=split,
                folder=f"{self.store}/{stage.name}/{key}",
                file=row.record.format(split=split),
                beside=row.beside,
                config=config,
                code=code,
                facts=tuple(facts),
                arguments=tuple(arguments),
                inputs=inputs,
                watched=watched or {},
                parts=self._parts(split) if stage.scattered and split else (WHOLE,),
            )
        if run:
            self.artifacts[key].runs[run] = None
        return self.artifacts[key]

    def _parts(self, split: Split) -> tuple[str, ...]:
        """Return the parts of a split that are worked on by jobs of their own."""
        images = self.contents.images(split)
        needed = JOBS_UNKNOWN if images is None else min(MOST_JOBS, ceil(images / IMAGES_PER_JOB))
        count = self.config.jobs or needed
        if images is not None:
            count = min(count, images)
        return tuple(f"{i}-of-{count}" for i in range(1, count + 1)) if count > 1 else (WHOLE,)

    def _report(self) -> Artifact:
        """Return the report on all runs, after everything that it shows."""
        made = list(self.products())
        found = {
            "index": self._shared("index", *SPLITS),
            "masks": self._shared("masks", *SPLITS),
            "evaluations": tuple(
                a if row.kind == "document" else self.evaluation(row, split, name)
                for name, row, split, a in made
                if split and (row.kind == "document" or split in row.evaluated)
            ),
            "models": tuple(a for _, row, _, a in made if row.kind == "model"),
            "shown": tuple(a for _, row, split, a in made if split in row.evaluated),
        }
        inputs = {role: tuple(dict.fromkeys(artifacts)) for role, artifacts in found.items()}
        shown = self.config.model_dump(mode="json", exclude={"jobs", "monitor"})
        facts = [canonical(shown), *self.runs]
        row = Product("report", "document", (REPORT,), file="report.html", beside=REPORTED)
        return self._add(REPORT, row, None, None, inputs, facts, [])


@cache
def _code(stage: Stage, method: str) -> str:
    """Return the digest of a stage's code, of the modules that it imports by name and of files."""
    if not stage.code:
        return ""
    names = method.split("+") if stage.imports_method else ()
    methods = (f"wsss.methods.{name}" for name in names)
    return code_digest(f"wsss.stages.{stage.name}", *methods) + package_files_digest(*stage.files)
