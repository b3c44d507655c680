"""Compiled loops of the dense CRF: the filter on a lattice, and a step of the mean field."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from wsss.ops.lattice_kernels import compiled

LANES = 4
"""Channels that are computed at once; arrays of values have a multiple of it."""
BATCH = 64
"""Pixels whose logits are computed before any is read again."""
LARGEST = np.float32(60)
"""Logits above it are lowered, so that their exponentials are finite."""


# Vectors: the compiler keeps four channels in one register only if it is told so.


class _Vector(types.Type):
    """Four numbers of 32 bits."""


_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_vector = _Vector("vector")
register_model(_Vector)(lambda manager, kind: models.PrimitiveModel(manager, kind, _VECTOR))


def _address(context, builder, kind, array, index):
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


@intrinsic
def _item(_typing, array, index):
    """Read a number of a flat array, whose position is not negative."""

    def code(context, builder, _signature, args):
        return builder.load(_address(context, builder, array, *args), align=4)

    return array.dtype(array, types.intp), code


@intrinsic
def _load(_typing, array, index):
    """Read a vector from a flat array."""

    def code(context, builder, _signature, args):
        place = _address(context, builder, array, *args)
        return builder.load(builder.bitcast(place, _VECTOR.as_pointer()), align=4)

    return _vector(array, types.intp), code


@intrinsic
def _store(_typing, array, index, vector):
    """Write a vector into a flat array."""

    def code(context, builder, _signature, args):
        place = _address(context, builder, array, *args[:2])
        builder.store(args[2], builder.bitcast(place, _VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), code


@intrinsic
def _add(_typing, total, factor, vector):
    """Compute total + factor * vector."""

    def code(_context, builder, _signature, args):
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        first = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), args[1], ir.IntType(32)(0)
        )
        product = builder.fmul(
            builder.shuffle_vector(first, first, everywhere), args[2], flags=["fast"]
        )
        return builder.fadd(args[0], product, flags=["fast"])

    return _vector(_vector, types.float32, _vector), code


# Filter


@compiled
def blur(values, neighbours):
    """Convolve values (vertices + 1, channels) with [1/2, 1, 1/2] along each axis in turn.

    The values are overwritten; the last vertex is 0.
    """
    axes, count, _ = neighbours.shape
    width, half = values.shape[1], np.float32(0.5)
    old, new = values.ravel(), np.zeros(values.size, np.float32)
    for axis in range(axes):
        for vertex in range(count - 1):
            ahead, behind = neighbours[axis, vertex, 0], neighbours[axis, vertex, 1]
            for c in range(0, width, LANES):
                total = _load(old, vertex * width + c)
                total = _add(total, half, _load(old, ahead * width + c))
                total = _add(total, half, _load(old, behind * width + c))
                _store(new, vertex * width + c, total)
        old, new = new, old
    return old.reshape(count, width)


@compiled
def normalise(lattice, weight):
    """Scale the weights so that splat, blur and slice compute weight * D^-1/2 K D^-1/2.

    K is the Gaussian kernel, D the diagonal matrix of its row sums (NORMALIZE_SYMMETRIC of
    pydensecrf). Splat, blur and slice multiply a constant by 1 + 2^-d, which is divided by.
    """
    vertices, weights, neighbours = lattice
    size = len(neighbours)
    scale = np.float32(1 / (1 + 2.0 ** (1 - size)))
    sums = np.zeros((neighbours.shape[1], LANES), np.float32)
    for i in range(len(vertices)):
        sums[vertices[i], 0] += weights[i]
    sums = blur(sums, neighbours)
    for start in range(0, len(vertices), size):
        total = np.float32(0)
        for i in range(start, start + size):
            total += weights[i] * sums[vertices[i], 0]
        factor = np.sqrt(scale * np.float32(weight) / (scale * total + np.float32(1e-20)))
        for i in range(start, start + size):
            weights[i] *= factor


# Mean field


@compiled
def _exp(x):
    """Compute e^x within 3e-7 of it, as 2^t = 2^floor(t) 2^(t - floor(t)); 0 below e^-87."""
    t = max(x, np.float32(-87)) * np.float32(1.4426950408889634)
    whole = np.floor(t)
    part = t - whole
    power = np.float32(1.5403530e-4)
    power = power * part + np.float32(1.3333558e-3)
    power = power * part + np.float32(9.6181291e-3)
    power = power * part + np.float32(5.5504109e-2)
    power = power * part + np.float32(2.4022651e-1)
    power = power * part + np.float32(6.9314718e-1)
    power = power * part + np.float32(1)
    # a float has its exponent, plus 127, above the 23 bits of its mantissa
    return power * np.int32(np.int32(whole + np.float32(127)) * np.int32(1 << 23)).view(np.float32)


@compiled
def _slice(total, lattice, size, pixel, values, width, channel):
    for i in range(pixel * size, (pixel + 1) * size):
        place = _item(lattice.vertices, i) * width + channel
        total = _add(total, _item(lattice.weights, i), _load(values, place))
    return total


@compiled
def _splat(vector, lattice, size, pixel, sums, width, channel):
    for i in range(pixel * size, (pixel + 1) * size):
        place = _item(lattice.vertices, i) * width + channel
        _store(sums, place, _add(_load(sums, place), _item(lattice.weights, i), vector))


@compiled
def _lower(logits, count, shape):
    """Lower the logits of a pixel's field together, so that none exceeds `LARGEST`.

    Label 0, whose logit is 0, keeps it: it is below e^-60 either way.
    """
    fields, others, width = shape
    for pixel in range(count):
        for start in range(pixel * width, pixel * width + fields * others, others):
            excess = np.float32(0)
            for c in range(start, start + others):
                excess = max(excess, logits[c] - LARGEST)
            for c in range(start, start + others):
                logits[c] -= excess


@compiled
def _exponentials(unary, lattices, values, shape, first, last, out):
    """Compute e^logit of the pixels from `first` to `last`: of the unary, plus what is sliced."""
    width = shape[2]
    for pixel in range(first, last):
        for channel in range(0, width, LANES):
            total = _load(unary, pixel * width + channel)
            total = _slice(total, lattices[0], 3, pixel, values[0], width, channel)
            total = _slice(total, lattices[1], 6, pixel, values[1], width, channel)
            _store(out, (pixel - first) * width + channel, total)
    largest = np.float32(0)
    for i in range((last - first) * width):
        largest = max(largest, out[i])
    if largest > LARGEST:
        _lower(out, last - first, shape)
    for i in range((last - first) * width):
        out[i] = _exp(out[i])


@compiled
def _field_differences(out, count, width, first, last, rest, scale):
    # loops over labels are too short for the compiler's vectors, those over pixels are not
    scale[:] = 1
    for c in range(first, last):
        for pixel in range(count):
            scale[pixel] += out[pixel * width + c]
    for pixel in range(count):
        scale[pixel] = np.float32(1) / scale[pixel]
    for c in range(first, last):
        kept = np.float32(c < last - rest)
        for pixel in range(count):
            place = pixel * width + c
            out[place] = (kept * out[place] - np.float32(1)) * scale[pixel]


@compiled
def _differences(out, count, shape, rest, scale):
    """Replace e^logit by the posterior less that of label 0; 0 in channels of no label.

    The posterior of a rest, the last label, counts as 0, so that it supports no pixel. `scale` has
    room for a number of each pixel.
    """
    fields, others, width = shape
    if others == 1 and not rest:
        for i in range(count * width):
            out[i] = (out[i] - np.float32(1)) / (out[i] + np.float32(1))
        return
    for first in range(0, fields * others, others):
        _field_differences(out, count, width, first, first + others, rest, scale)
    for c in range(fields * others, width):
        for pixel in range(count):
            out[pixel * width + c] = 0


@compiled
def step(unary, lattices, values, sums, shape, rest):
    """Splat the posteriors of a step of the mean field, less those of label 0, onto lattices.

    A field has a channel for each of its labels but label 0, whose logit is taken off the others.

    Args:
        unary: logits of the scores (pixels * channels,); 0 in channels of no label.
        lattices: of the kernels in 2 and in 5 dimensions.
        values: what is sliced from them and added to the logits ((vertices + 1) * channels,) each.
        sums: what is splatted onto them, likewise; zeros before.
        shape: fields, labels but label 0, channels.
        rest: whether the last label is a rest.
    """
    width = shape[2]
    out, scale = np.empty(BATCH * width, np.float32), np.empty(BATCH, np.float32)
    for first in range(0, len(unary) // width, BATCH):
        last = min(first + BATCH, len(unary) // width)
        _exponentials(unary, lattices, values, shape, first, last, out)
        _differences(out, last - first, shape, rest, scale)
        for pixel in range(first, last):
            for channel in range(0, width, LANES):
                vector = _load(out, (pixel - first) * width + channel)
                _splat(vector, lattices[0], 3, pixel, sums[0], width, channel)
                _splat(vector, lattices[1], 6, pixel, sums[1], width, channel)


@compiled
def finish(unary, lattices, values, shape, posterior):
    """Write the posteriors (fields, labels, pixels) after the last step; arguments as of `step`."""
    fields, others, width = shape
    out = np.empty(BATCH * width, np.float32)
    for first in range(0, len(unary) // width, BATCH):
        last = min(first + BATCH, len(unary) // width)
        _exponentials(unary, lattices, values, shape, first, last, out)
        for field in range(fields):
            for pixel in range(first, last):
                start = (pixel - first) * width + field * others
                total = np.float32(1)
                for c in range(start, start + others):
                    total += out[c]
                posterior[field, 0, pixel] = 1 / total
                for c in range(others):
                    posterior[field, 1 + c, pixel] = out[start + c] / total
