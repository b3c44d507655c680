"""Services that trainings are logged to, as stand-ins that record what they are asked for."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.engine.test_fit import TRAIN, Line, Numbers
from wsss.data.validation import Measurement, Validated, Validations
from wsss.engine import state as state_module
from wsss.engine.checkpoint import Resume
from wsss.engine.fabric import make_fabric
from wsss.engine.fit import fit
from wsss.engine.loggers import make_loggers
from wsss.errors import UserError


class Service:
    """Stand-in of the package of a service; one of its calls may fail."""

    def __init__(self, fails=""):
        self.calls, self.fails = [], fails

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args, **kwargs):
            self.calls.append((name, args, kwargs))
            if name == self.fails:
                raise ConnectionError("no route\nto host")
            if name == "Image":
                return "picture"
            run = SimpleNamespace(id=kwargs.get("id"), log=self.log, finish=self.finish)
            run.info = SimpleNamespace(run_id=kwargs.get("run_id") or "r1")
            return run

        return call

    def called(self, name):
        return [(args, kwargs) for found, args, kwargs in self.calls if found == name]


@pytest.fixture(params=["wandb", "mlflow"])
def service(request, monkeypatch):
    for name in ("WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    fake = Service()
    fake.name = request.param
    monkeypatch.setitem(sys.modules, request.param, fake)
    return fake


def train(folder, name, data=None):
    images = Validated(
        "val",
        Numbers(2),
        lambda batches: Measurement({"mAP": 0.5}),
        lambda sample: np.zeros((4, 4, 3), np.uint8),
    )
    fit(
        make_fabric("32-true", 1, make_loggers([name], folder / "work", "classifier of psa")),
        Line(),
        data or Numbers(),
        TRAIN,
        0,
        Resume(folder / "work/resume", "same"),
        folder / "h.csv",
        validations=Validations(2, (images,)),
    )


def sent(service):
    """Steps and values of what is logged: those of losses, and metrics."""
    found = service.called("log") + service.called("log_metrics")
    values = [(kwargs["step"], *args[0].items()) for args, kwargs in found]
    metrics = [(step, *rest) for step, *rest in values if rest[0][0] == "val/mAP"]
    return [step for step, *rest in values if rest[0][0] == "net/square"], metrics


def test_losses_metrics_and_pictures_are_sent(tmp_path, service):
    train(tmp_path, service.name)
    losses, metrics = sent(service)
    assert losses == list(range(24))
    assert metrics == [(11, ("val/mAP", 0.5)), (23, ("val/mAP", 0.5))]
    if service.name == "wandb":
        ((_, begun),) = service.called("init")
        assert (begun["project"], begun["name"]) == ("wsss", "classifier of psa")
        assert ((({"val": "picture"},), {"step": 11})) in service.called("log")
        assert service.called("finish") == [((), {"exit_code": 0})]
    else:
        assert service.called("set_experiment") == [(("wsss",), {})]
        assert service.called("start_run") == [((), {"run_name": "classifier of psa"})]
        assert [kwargs for _, kwargs in service.called("log_image")] == [
            {"key": "val", "step": 11},
            {"key": "val", "step": 23},
        ]
        assert service.called("end_run") == [(("FINISHED",), {})]


def test_a_resumed_training_goes_on_in_its_run(tmp_path, service, monkeypatch):
    monkeypatch.setattr(state_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(state_module, "CHECKPOINT_SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, service.name, Numbers(stop_at=3))
    begun = (tmp_path / f"work/{service.name}.id").read_text()
    ended = service.called("finish") + service.called("end_run")
    assert ended in ([((), {"exit_code": 1})], [(("FAILED",), {})])
    service.calls.clear()
    train(tmp_path, service.name)
    (_, again), *_ = service.called("init") + service.called("start_run")
    assert begun in (again.get("id"), again.get("run_id"))
    assert sent(service)[0] == list(range(12, 24))


@pytest.mark.parametrize("call", ["log", "log_metrics", "finish", "end_run", "log_image", "Image"])
def test_a_lost_connection_does_not_end_the_training(tmp_path, service, call):
    service.fails = call
    train(tmp_path, service.name)
    assert (tmp_path / "h.csv").exists()
    assert len(service.called(call)) <= 1


def test_a_service_that_refuses_is_named(tmp_path, service):
    service.fails = "init" if service.name == "wandb" else "set_experiment"
    match = rf"monitor.loggers: {service.name} does not start \(no route to host\); log in"
    with pytest.raises(UserError, match=match):
        train(tmp_path, service.name)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_package_that_is_not_installed_is_named_before_the_training(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"{name} is not installed; pip install 'wsss\[{name}\]'"):
        make_loggers(["tensorboard", name], tmp_path, "x")
