"""Check of the table of the chain, whose mistakes would otherwise show as missing inputs."""

from collections.abc import Sequence

from wsss.errors import UserError
from wsss.pipeline import PRODUCTS
from wsss.products import PSEUDO_LABELS, Product


def check(products: Sequence[Product] = PRODUCTS) -> None:
    """Check names and order of a table.

    Raises:
        UserError: all that is wrong with it, one line each.
    """
    if found := problems(products):
        raise UserError("\n".join(found))


def problems(products: Sequence[Product]) -> list[str]:
    """List what is wrong with a table: names that occur twice, steps in pieces, inputs that
    come too late."""
    found, names, stages, steps = [], set[str](), set[str](), [""]
    everywhere = {row.name for row in products}
    for row in products:
        if row.name in names:
            found.append(f"pipeline: product {row.name}: there are two of this name")
        if row.step in steps[:-1] and row.step:
            found.append(
                f"pipeline: product {row.name}: put it beside those of its step, {row.step}, "
                f"not behind {steps[-1]}"
            )
        if row.step != steps[-1]:
            steps.append(row.step)
        if row.kind in ("maps", "labels") and not set(row.evaluated) <= set(row.splits):
            found.append(f"pipeline: product {row.name}: evaluated on a split that it has not")
        if not row.makers:
            found.append(f"pipeline: product {row.name}: no stage makes it")
        if row.kind in ("table", "document") and not row.file:
            found.append(f"pipeline: product {row.name}: name its file")
        for stage in row.makers:
            if stage.name in stages:
                found.append(f"pipeline: stage {stage.name}: makes two products")
            stages.add(stage.name)
            for needed in stage.inputs:
                # another run may be made before the row
                known = names | {PSEUDO_LABELS} | (everywhere if needed.of_run else set())
                if needed.product not in known:
                    found.append(
                        f"pipeline: stage {stage.name}: reads {needed.product}, which no row "
                        f"before {row.name} makes"
                    )
        names.add(row.name)
    return found
