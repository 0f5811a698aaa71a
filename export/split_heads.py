"""Attention of an int8 file, one head at a time.

Projected to all heads at once, tokens are transposed to have the channels of
each head in one piece, and back. Queries and keys projected to one head need
no transpose, and of values transposed once each head takes a slice; the scores
of one head stay in a core's cache on their way through softmax.
"""

import copy
import dataclasses

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import packing, transpose_products

_CACHED_SCORES = 2**17  # in float32 half of a core's second-level cache
_MAX_PIECES = 5  # that XNNPACK concatenates
_PACKED = 8  # as many values of a key XNNPACK packs together, a rest one by one
_MIXING = ("BATCH_MATMUL", "DEQUANTIZE", "SOFTMAX", "QUANTIZE", "BATCH_MATMUL")
_REGROUPING = ("RESHAPE", "TRANSPOSE", "RESHAPE")


def split(model):
    """Splits each multi-head attention whose scores outgrow the cache.

    Answers stay the same, to the bit.

    Args:
        model: schema.ModelT, from `packing.unpack`. Changed in place.
    """
    graph = model.subgraphs[0]
    for operator in list(graph.operators):
        attention = _find(model, operator)
        if attention and attention.outgrows_cache:
            place = graph.operators.index(operator)
            graph.operators[place:place] = _Splitter(model, attention).split()
            for old in attention.operators:
                graph.operators.remove(old)


@dataclasses.dataclass(frozen=True)
class _Attention:
    """Operators of a multi-head attention, from projections to joined heads.

    Tokens attend to those of their own sequence.

    Args:
        projections: list of `CONV_2D` to queries and keys.
        values: int. The tensor that a third one makes, which stays.
        mixing: list of the operators of `_MIXING`.
        operators: list of those to replace, the last one last.
        sequences: int.
        tokens: int. Of one sequence.
        heads: int.
        head_dim: int.
    """

    projections: list
    values: int
    mixing: list
    operators: list
    sequences: int
    tokens: int
    heads: int
    head_dim: int

    @property
    def sequences_at_once(self):
        """How many of a head's fit into the cache, or 1."""
        fitting = max(1, _CACHED_SCORES // self.tokens**2)
        return max(
            count
            for count in range(1, min(fitting, self.sequences) + 1)
            if self.sequences % count == 0
        )

    @property
    def outgrows_cache(self):
        """Whether splitting it saves time, and is possible."""
        pieces = max(self.heads, self.sequences // self.sequences_at_once)
        scores = self.heads * self.sequences * self.tokens**2
        return scores > 2 * _CACHED_SCORES and pieces <= _MAX_PIECES


def _find(model, last):
    """Returns the attention that an operator is the last of, or None."""
    after = _chain(model, last, _MIXING + _REGROUPING)
    if not after:
        return None
    mixing = after[: len(_MIXING)]
    product, *_, sum_of_values = mixing
    before = [
        _chain(model, packing.maker(model, index), ("CONV_2D", *_REGROUPING))
        for index in (*product.inputs, sum_of_values.inputs[1])
    ]
    if not all(before):
        return None
    projections = [chain[0] for chain in before]

    def shape(operator):
        return tuple(model.subgraphs[0].tensors[operator.outputs[0]].shape)

    _, sequences, tokens, channels = shape(projections[0])
    _, heads, _, head_dim = shape(before[0][2])
    regrouped = [
        (1, sequences, tokens, channels),
        (1, sequences * tokens, heads, head_dim),
        (1, heads, sequences * tokens, head_dim),
        (1, heads * sequences, tokens, head_dim),
    ]
    paths = [*before, [last, *after[-2:-4:-1], sum_of_values]]
    if (
        len({int(one.inputs[0]) for one in projections}) > 1
        or any([*map(shape, path)] != regrouped for path in paths)
        or _transposed(product) != (False, True)
        or _transposed(sum_of_values) != (False, False)
    ):
        return None
    *projections, to_values = projections
    operators = [op for op in sum(before, []) if op is not to_values]
    return _Attention(
        projections,
        to_values.outputs[0],
        mixing,
        [*operators, *after],
        sequences,
        tokens,
        heads,
        head_dim,
    )


def _chain(model, operator, kinds):
    """Returns the operators of such kinds that one is the last of, or None.

    What they hand on to each other nobody else may use.
    """
    chain = []
    for kind in reversed(kinds):
        if not operator or packing.operator_name(model, operator) != kind:
            return None
        if chain and len(packing.users(model, operator.outputs[0])) != 1:
            return None
        chain.insert(0, operator)
        operator = packing.maker(model, operator.inputs[0])
    return chain


def _transposed(product):
    return product.builtinOptions.adjX, product.builtinOptions.adjY


class _Splitter:
    """Makes the operators of an attention that goes head by head."""

    def __init__(self, model, attention):
        self._model = model
        self._attention = attention
        self._tensors = model.subgraphs[0].tensors
        self._operators = []
        self._packed_dim = -(-attention.head_dim // _PACKED) * _PACKED

    def split(self):
        """Returns the operators, in order."""
        it = self._attention
        tokens = it.projections[0].inputs[0]
        values = self._transpose(it.values)
        heads = [
            [self._weights(one, head) for one in it.projections]
            for head in range(it.heads)
        ]
        parts = []
        for start in range(0, it.sequences, it.sequences_at_once):
            some = {1: (start, it.sequences_at_once)}
            ours = self._slice(tokens, some)
            mixed = []
            for head, constants in enumerate(heads):
                channels = {2: (head * it.head_dim, it.head_dim)}
                own = self._slice(values, some | channels)
                mixed.append(self._head(ours, constants, own))
            parts.append(self._concatenated(mixed, axis=3))
        if len(parts) > 1:
            self._concatenated(parts, axis=1)
        self._operators[-1].outputs = it.operators[-1].outputs
        return self._operators

    def _weights(self, projection, head):
        """Adds those constants of a projection that one head needs."""
        dim = self._attention.head_dim
        units = np.arange(head * dim, (head + 1) * dim)
        return [self._units(index, units) for index in projection.inputs[1:]]

    def _units(self, index, units):
        """Adds the constants of some units, and of those that give zeros."""
        tensor = self._tensors[index]
        data = packing.constant(self._model, index, np.uint8)
        data = data.reshape(tensor.shape[0], -1)
        more = self._packed_dim - len(units)
        data = np.pad(data[units], ((0, more), (0, 0)))
        quantization = copy.copy(tensor.quantization)
        if len(quantization.scale) > 1:
            units = np.pad(units, (0, more), "edge")
            quantization.scale = quantization.scale[units]
            quantization.zeroPoint = quantization.zeroPoint[units]
        buffer = packing.add_buffer(self._model, data.tobytes())
        size = {0: self._packed_dim}
        return self._like(index, size, buffer=buffer, quantization=quantization)

    def _slice(self, index, parts):
        """Takes {axis: (start, size)} of a tensor."""
        whole = self._tensors[index].shape
        shape = np.array(whole, np.int32)
        begin = np.zeros_like(shape)
        for axis, (start, size) in parts.items():
            begin[axis], shape[axis] = start, size
        if (shape == whole).all():
            return index
        bounds = [
            packing.add_tensor(self._model, b"", values.shape, values)
            for values in (begin, shape)
        ]
        sizes = {axis: size for axis, (_, size) in parts.items()}
        result = self._like(index, sizes)
        options = schema.SliceOptionsT()
        return self._add("SLICE", [index, *bounds], result, options)

    def _transpose(self, index):
        """Exchanges the last two axes."""
        operator = transpose_products.exchange(self._model, index)
        self._operators.append(operator)
        return operator.outputs[0]

    def _head(self, tokens, weights, values):
        """Returns the mixed values of one head, (1, P, N, d).

        Queries and keys have zeros up to a multiple of what XNNPACK packs
        together. Values come as (1, P, d, N), in the order that it packs by
        vector instructions (`transpose_products`).
        """
        it = self._attention
        count = {1: it.sequences_at_once}
        size = {**count, 3: self._packed_dim}
        query, key = (
            self._repeat(one, [tokens, *constants], size)
            for one, constants in zip(it.projections, weights, strict=True)
        )
        product, *softmax, sum_of_values = it.mixing
        mixed = self._repeat(product, [query, key], count)
        for operator in softmax:
            mixed = self._repeat(operator, [mixed], count)
        mixed = self._repeat(sum_of_values, [mixed, values], count)
        self._operators[-1].builtinOptions.adjY = True
        return mixed

    def _repeat(self, operator, inputs, sizes):
        """Lets an operator compute the same from other tensors."""
        made = copy.copy(operator)
        made.builtinOptions = copy.copy(operator.builtinOptions)
        made.inputs = np.int32(inputs)
        made.outputs = np.int32([self._like(operator.outputs[0], sizes)])
        self._operators.append(made)
        return made.outputs[0]

    def _concatenated(self, pieces, axis):
        size = sum(self._tensors[piece].shape[axis] for piece in pieces)
        result = self._like(pieces[0], {axis: size})
        options = schema.ConcatenationOptionsT(axis=axis)
        return self._add("CONCATENATION", pieces, result, options)

    def _add(self, kind, inputs, result, options):
        self._operators.append(
            packing.make_operator(self._model, kind, inputs, result, options)
        )
        return result

    def _like(self, index, sizes, **changes):
        """Adds a tensor that differs from another in some sizes."""
        shape = np.array(self._tensors[index].shape, np.int32)
        for axis, size in sizes.items():
            shape[axis] = size
        return packing.add_tensor_like(
            self._model,
            self._tensors[index],
            shape=shape,
            shapeSignature=None,
            **changes,
        )
