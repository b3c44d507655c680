"""Check of the table of the chain, whose mistakes would otherwise show as missing inputs."""

from collections.abc import Iterator, Sequence

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
    """List the mistakes of a table: names that occur twice, steps in pieces, late inputs."""
    lines = [*_rows(products), *_steps(products), *_stages(products)]
    return [f"pipeline: {line}" for line in lines]


def _rows(products: Sequence[Product]) -> Iterator[str]:
    """Yield the mistakes that a row has by itself, and names that occur twice."""
    names = set[str]()
    for row in products:
        if row.name in names:
            yield f"product {row.name}: there are two of this name"
        if row.kind in ("maps", "labels") and not set(row.evaluated) <= set(row.splits):
            yield f"product {row.name}: evaluated on a split that it has not"
        if not row.makers:
            yield f"product {row.name}: no stage makes it"
        if row.kind in ("table", "document") and not row.file:
            yield f"product {row.name}: name its file"
        names.add(row.name)


def _steps(products: Sequence[Product]) -> Iterator[str]:
    """Yield the products that are not beside the others of their step."""
    ended, now = set[str](), ""
    for row in products:
        # products of the data set have no step
        if row.step and row.step in ended:
            yield (
                f"product {row.name}: put it beside those of its step, {row.step}, not after {now}"
            )
        if row.step != now:
            ended.add(now)
            now = row.step


def _stages(products: Sequence[Product]) -> Iterator[str]:
    """Yield the stages of two products, and those that read what is made later."""
    names, stages = set[str](), set[str]()
    everywhere = {row.name for row in products}
    for row in products:
        for stage in row.makers:
            if stage.name in stages:
                yield f"stage {stage.name}: makes two products"
            stages.add(stage.name)
            for needed in (*stage.inputs, *(stage.watched or ())):
                # another run may be made before the row
                known = names | {PSEUDO_LABELS} | (everywhere if needed.of_run else set())
                if needed.product not in known:
                    yield (
                        f"stage {stage.name}: reads {needed.product}, which no row before "
                        f"{row.name} makes"
                    )
        names.add(row.name)
