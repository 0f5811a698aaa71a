"""The layers of a LiteRT file: operators that belong together by name."""

import collections
import dataclasses
import re

from keras_mvit.export import flatbuffer

_MAX_WEIGHTED = 6  # in a layer: all of a transformer's, with q, k and v apart


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of a file.

    Args:
        name: str. Its scope, without that of the model.
        outputs: tuple of str. Tensors that its operators make.
    """

    name: str
    outputs: tuple


def find_layers(content, model=None):
    """Divides a file into layers, by the scopes that Keras left in names.

    A scope is a layer if it has at most a few convolutions and projections;
    larger ones are divided into the scopes within. What has no weights itself
    belongs to its scope or else to what comes before it.

    Args:
        content: bytes. A LiteRT file with the names of its constants.
        model: keras.Model or None. What the file was made of: layers are
            called as there, without the numbers that conversion gives them.

    Returns:
        list of Layer, in the order of the graph.
    """
    operators = flatbuffer.operators(content)
    scopes = [_scope(op) for op in operators]
    root = 1 if len({scope[0] for scope in scopes if scope}) == 1 else 0
    counts = collections.Counter(
        scope[:depth]
        for op, scope in zip(operators, scopes, strict=True)
        if _is_weighted(op)
        for depth in range(root + 1, len(scope) + 1)
    )
    outputs = {}
    last = ()
    for op, scope in zip(operators, scopes, strict=True):
        last = _layer(scope, root, counts) or last
        outputs.setdefault("/".join(last[root:]), []).extend(op.outputs)
    names = list(outputs)
    if model is not None:
        names = _called(names, {x.name for x in model._flatten_layers()})
    return [
        Layer(name, tuple(made))
        for name, made in zip(names, outputs.values(), strict=True)
    ]


def _called(names, known):
    """Returns names, each part as a layer's if it is one with a number."""

    def called(part):
        plain = re.sub(r"_\d+$", "", part)
        return plain if plain in known else part

    found = ["/".join(map(called, name.split("/"))) for name in names]
    return found if len(set(found)) == len(found) else names


def _layer(scope, root, counts):
    """Returns the shortest part of a scope that is a layer, or None."""
    for depth in range(root + 1, len(scope) + 1):
        if 0 < counts[scope[:depth]] <= _MAX_WEIGHTED:
            return scope[:depth]
    return None


def _scope(op):
    """Returns the scope of an operator, a tuple of str."""
    names = [*op.outputs, *(t.name for t in op.inputs if t.is_constant)]
    # The last operator is named after what the model returns.
    scoped = [name for name in names if "/" in name]
    if not scoped:
        return ()
    return tuple(scoped[0].split(";")[0].split("/")[:-1])


def _is_weighted(op):
    return op.name in flatbuffer.WEIGHTED and op.has_constant_input
