"""What the golden tests of the methods share: inputs, networks and measurements."""

import numpy as np
import torch

from wsss.config.crf import CrfKernel
from wsss.data.transforms import normalise
from wsss.data.views import scaled_copies, views
from wsss.engine.tta import sum_views
from wsss.losses.classification import multilabel_soft_margin
from wsss.losses.equivariance import aligned, cross_target, hardest, min_pooling
from wsss.nn.weights import official_names
from wsss.ops.crf import ImageCRF
from wsss.ops.seeds import background_score


def batch_of(ref):
    """Return the images and labels of a file as a batch."""
    image = np.stack([normalise(image).transpose(2, 0, 1) for image in ref["images"]])
    return {"image": torch.from_numpy(image), "label": torch.from_numpy(ref["labels"])}


def without_dropout(method):
    """Return a method in the published training mode, then with every dropout switched off."""
    for module in method.train().modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.eval()
    return method


def trained(net):
    """Return the sorted official names of the parameters that are trained."""
    names = {name for name, p in net.named_parameters() if p.requires_grad}
    return np.array(sorted(o for o, ours in official_names(net).items() if ours in names))


def agree_gradients(ref, net, prefix="gradnorm:"):
    """Compare the norms of the gradients that a file holds under a prefix."""
    ours = official_names(net)
    for key in ref.starting(prefix):
        grad = net.get_parameter(ours[key.removeprefix(prefix)]).grad
        ref.agree(key, grad.double().norm().item())


def multi_scale(method, ref, scales):
    """Return the class activation maps (K, H, W) of a file's photograph over scales and mirrors."""
    image, keys = ref["msf_image"], torch.from_numpy(ref["msf_keys"])
    size = image.shape[:2]
    batches = views(scaled_copies(image, scales, "pillow").copies, torch.device("cpu"))
    total = sum_views(batches, lambda view: method.infer(view, size, keys), size, flip=True)
    return method.scale_maps(total.numpy())


def agree_views(ref, maps, label):
    """Compare SEAM's losses of each view and between them; `maps` are (cam, refined) per view."""
    for i, (cam, refined) in enumerate(maps, 1):
        shown = refined[:, 1:] * label[:, :, None, None]
        ref.agree(f"loss_cls{i}", multilabel_soft_margin(cam[:, 1:].mean((2, 3)), label).item())
        ref.agree(f"loss_rvmin{i}", min_pooling(shown).item())
    (cam1, refined1), (cam2, refined2) = aligned(*maps, label)
    ref.agree("loss_ecr1", hardest(cross_target(cam2), refined1).item())
    ref.agree("loss_ecr2", hardest(cross_target(cam1), refined2).item())


def agree_crf(ref, cam, alpha, prefix):
    """Compare the CRF posteriors of the background and the labels for an exponent."""
    scores = np.concatenate([background_score(cam, alpha)[None], cam])
    got = ImageCRF(ref["msf_image"], len(scores), CrfKernel()).refine(scores)
    labels = np.concatenate([[0], ref["msf_keys"] + 1])
    ref.agree(f"{prefix}_bg", got[0])
    ref.agree(f"{prefix}_argmax", labels[got.argmax(axis=0)])
