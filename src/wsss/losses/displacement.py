"""Loss of IRN's displacements (Ahn, Cho & Kwak, CVPR 2019, equations 7-10)."""

from torch import Tensor

from wsss.losses.processes import total, world
from wsss.ops.pairs import offsets, windows


def displacement_loss(
    dp: Tensor, bg_pos: Tensor, fg_pos: Tensor, radius: int, eps: float = 1e-5
) -> dict[str, Tensor]:
    """Compare the displacements of paired cells: within a class they meet, and have no gradient.

    Two cells that point to the same centre differ by the step from one to the other; in the
    background all point alike. Each term is half a mean over its own pairs in the whole batch and
    both components (jiwoon-ahn/irn, `net/resnet50_irn.py`; docs/methods/irn.md 5.3).

    Args:
        dp: Displacements (B, 2, h, w), vertical ones first, in cells.
        bg_pos: 1 for pairs within the background (B, P, n), see `affinity.pair_labels`.
        fg_pos: 1 for pairs within one class.
        radius: Radius of the pairs, see `pairs.pair_indices`.
        eps: Keeps empty means finite.

    Returns:
        Weighted scalars `dp_fg` and `dp_bg`; their sum is the loss. 0 for a kind without pairs.
    """
    dp = dp.float()
    height, width = dp.shape[2:]
    here, there = windows(height, width, radius)
    source = dp[:, :, *here]
    fg, bg = dp.new_zeros(()), dp.new_zeros(())
    for number, (step, place) in enumerate(zip(offsets(radius), there, strict=True)):
        apart = (source - dp[:, :, *place]).flatten(2)
        wanted = apart.new_tensor(step)[:, None]
        fg = fg + (fg_pos[:, number] * (apart - wanted).abs().sum(1)).sum()
        bg = bg + (bg_pos[:, number] * apart.abs().sum(1)).sum()
    return {
        name: 0.5 * world() * value / (2 * total(kind.sum()) + eps)
        for name, value, kind in (("dp_fg", fg, fg_pos), ("dp_bg", bg, bg_pos))
    }
