"""Forecast of the time, memory and disk space of a workflow from measured stages.

A training takes `start + samples x item` seconds. The jobs of a stage that works image by image
take `jobs x start + images x item` seconds together, and run side by side on the cores or GPUs.
Stages follow one another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from json import loads
from statistics import median
from typing import Any

from wsss.pipeline import PRODUCTS, STAGES
from wsss.plan.artifact import Artifact
from wsss.plan.artifacts import Plan
from wsss.planning.brief import Machine, samples
from wsss.planning.images import Images
from wsss.planning.rehearsal import Measured, Rehearsal, at_once
from wsss.products import Split

_PACKED = {"cam": 2 / 16 * 0.61, "refined": 0.082, "boundaries": 0.016, "labels": 0.021}
"""Bytes per pixel and map of trained networks on PASCAL VOC; of label maps, per pixel."""

_WHOLE = ("make_tiles", "stitch_masks", "segment_whole")
"""Stages that work on images, not on their tiles."""


@dataclass(frozen=True)
class Cost:
    """Cost of a stage.

    Attributes:
        run: the run, or the number of runs that share it.
        stage: the stage.
        jobs: number of its processes.
        seconds: from its start to its end.
        cpu: seconds of CPU cores.
        memory: bytes of one of its processes; 0 = not measured.
        disk: bytes that it leaves.
    """

    run: str
    stage: str
    jobs: int
    seconds: float
    cpu: float
    memory: float
    disk: float

    def __add__(self, other: "Cost") -> "Cost":
        return replace(
            self,
            jobs=self.jobs + other.jobs,
            seconds=self.seconds + other.seconds,
            cpu=self.cpu + other.cpu,
            memory=max(self.memory, other.memory),
            disk=self.disk + other.disk,
        )


@dataclass(frozen=True)
class Forecast:
    """What a forecast is made of.

    Attributes:
        plan: the artifacts.
        rehearsals: those of the artifacts, by their keys.
        measured: what the rehearsals took, by their identities.
        whole: the images.
        images: these, or their tiles.
        given: for each run the trainings that a published checkpoint replaces.
        machine: cores and GPUs.
    """

    plan: Plan
    rehearsals: Mapping[str, Rehearsal]
    measured: Mapping[str, Measured]
    whole: Images
    images: Images
    given: Mapping[str, set[str]]
    machine: Machine

    def costs(self) -> list[Cost]:
        """Return the costs of all stages in the order of the plan, those of a stage summed up."""
        found: dict[tuple[str, str], Cost] = {}
        for artifact in self.plan.artifacts.values():
            cost = self._of_artifact(artifact)
            place = (cost.run, cost.stage)
            found[place] = found[place] + cost if place in found else cost
        return list(found.values())

    def _of_artifact(self, artifact: Artifact) -> Cost:
        names = list(artifact.runs)
        run = names[0] if len(names) == 1 else "" if not names else f"{len(names)} runs"
        jobs = len(artifact.parts)
        if artifact.key not in self.rehearsals:
            start = median(one.wall.start for one in self.measured.values())
            cpu = median(one.cpu.start for one in self.measured.values())
            return Cost(run, artifact.stage, 1, start, cpu, 0, self._weights(artifact))
        measured = self.measured[self.rehearsals[artifact.key].identity]
        is_training = self.rehearsals[artifact.key].brief.batch > 0
        items = self._samples(artifact) if is_training else self._images(artifact)
        side_by_side = max(1, at_once(artifact, self.machine))
        wall, cpu = (
            jobs * each.start + items * each.item for each in (measured.wall, measured.cpu)
        )
        packed = 0 if is_training else packed_bytes(artifact, self.images)
        disk = max(measured.disk, packed) * (1 if is_training else items)
        seconds = wall / side_by_side
        return Cost(run, artifact.stage, jobs, seconds, cpu, measured.memory, disk)

    def _images(self, artifact: Artifact) -> int:
        """Return the number of images, or of tiles, that an artifact is made of."""
        stage = STAGES[artifact.stage]
        images = self.whole if stage.name in _WHOLE else self.images
        # the index of a split follows a check of both
        split: Split | None = None if stage.reads == "index" else artifact.split
        return images.count(split)

    def _samples(self, artifact: Artifact) -> int:
        """Return the number of samples of a training; 0 if there is a checkpoint."""
        name = next(iter(artifact.runs))
        if artifact.stage in self.given.get(name, ()):
            return 0
        return samples(artifact.config, self.images.train)

    def _weights(self, artifact: Artifact) -> float:
        """Return the bytes of pretrained weights: at most those of what is trained from them."""
        networks = [
            self.measured[self.rehearsals[one.key].identity].disk
            for one in self.plan.artifacts.values()
            if artifact in one.inputs.get("weights", ()) and one.key in self.rehearsals
        ]
        return min(networks, default=0.0)


def _exponents(settings: Mapping[str, Any]) -> int:
    """Return the number of exponents of refined maps; 0 for the slice of another stage."""
    return len(settings.get("crf", settings.get("par", {})).get("alphas", ()))


def packed_bytes(artifact: Artifact, images: Images) -> float:
    """Return the least bytes of the maps of an image of a data set of photographs.

    Those of the untrained networks of a rehearsal are plainer. Maps are compressed: CAMs of the
    labels at a quarter of the sides in 16 bits, posteriors of these and the background for every
    exponent in 8 bits, label maps as PNGs.
    """
    stage = STAGES[artifact.stage]
    row = next((row for row in PRODUCTS if stage in row.makers), None)
    if row is None:
        return 0.0
    pixels, present = images.megapixels * 1e6, images.labels
    maps = {
        "cam": present,
        "refined": (present + 1) * _exponents(loads(artifact.config)),
        "boundaries": present + 1,
    }
    if row.kind == "labels":
        return pixels * _PACKED["labels"]
    return pixels * maps[row.name] * _PACKED[row.name] if row.name in maps else 0.0
