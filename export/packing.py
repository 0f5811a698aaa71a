"""Taking a LiteRT file apart and putting it together again."""

import copy

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_mvit.export import flatbuffer

_ALIGNMENT = 16  # of constants, as the schema of LiteRT demands


def unpack(content):
    """Parses a LiteRT file into a `schema.ModelT` with all its constants.

    Quantized files keep constants behind the flatbuffer, at offsets that a
    change in front of them would break; here they are in their buffers.

    Raises:
        ValueError: not a LiteRT file.
    """
    model = flatbuffer.read_model(content)
    for buffer in model.buffers:
        if buffer.offset > 0:
            end = buffer.offset + buffer.size
            buffer.data = content[buffer.offset : end]
            buffer.offset = buffer.size = 0
    model.buffers = [_AlignedBuffer(buffer) for buffer in model.buffers]
    return model


def pack(model):
    """Writes what `unpack` returned, as bytes."""
    builder = _SharingBuilder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def add_buffer(model, data):
    """Adds a buffer of bytes to an unpacked model; returns its index."""
    model.buffers.append(_AlignedBuffer(schema.BufferT(data=data)))
    return len(model.buffers) - 1


def add_tensor(model, name, shape, values=None):
    """Adds a tensor to an unpacked model; returns its index.

    Args:
        model: schema.ModelT. Changed in place.
        name: bytes.
        shape: sequence of int.
        values: array, int32 or of what becomes float32, or None for a float32
            tensor that an operator makes.
    """
    buffer, dtype = 0, "float32"  # 0: of all tensors without constants
    if values is not None:
        if np.asarray(values).dtype == np.int32:
            dtype = "int32"
        buffer = add_buffer(model, np.asarray(values, dtype).tobytes())
    tensors = model.subgraphs[0].tensors
    tensors.append(
        schema.TensorT(
            shape=np.int32(shape),
            type=getattr(schema.TensorType, dtype.upper()),
            buffer=buffer,
            name=name,
            quantization=schema.QuantizationParametersT(),
            hasRank=True,
        )
    )
    return len(tensors) - 1


def add_tensor_like(model, tensor, **changes):
    """Adds a copy of a tensor to an unpacked model; returns its index.

    Args:
        model: schema.ModelT. Changed in place.
        tensor: schema.TensorT. Stays as it is.
        **changes: attributes in which the copy differs.
    """
    tensor = copy.copy(tensor)
    for name, value in changes.items():
        setattr(tensor, name, value)
    tensors = model.subgraphs[0].tensors
    tensors.append(tensor)
    return len(tensors) - 1


def constant(model, index, dtype):
    """Returns the values of a tensor, flat; None where it is no constant.

    Args:
        model: schema.ModelT, unpacked.
        index: int.
        dtype: NumPy's type of the values.
    """
    data = model.buffers[model.subgraphs[0].tensors[index].buffer].data
    return None if data is None else np.frombuffer(bytes(data), dtype)


def users(model, index):
    """Returns the operators that take a tensor; () if it is returned, too."""
    graph = model.subgraphs[0]
    if index in graph.outputs:
        return ()
    return [op for op in graph.operators if index in op.inputs]


def maker(model, index):
    """Returns the operator that makes a tensor, or None."""
    operators = model.subgraphs[0].operators
    return next((op for op in operators if index in op.outputs), None)


def put_before(model, make):
    """Puts new operators before others.

    Args:
        model: schema.ModelT, unpacked. Changed in place.
        make: function of an operator -> list of those to put before it.
    """
    graph = model.subgraphs[0]
    graph.operators = [
        one
        for operator in graph.operators
        for one in (*make(operator), operator)
    ]


def operator_name(model, operator):
    """Returns the kind of an operator of a model, such as `CONV_2D`."""
    code = model.operatorCodes[operator.opcodeIndex]
    return flatbuffer.operator_name(code)


def operator_code(model, name):
    """Returns the index of a builtin operator among a model's codes.

    Args:
        model: schema.ModelT. Gets a code where it has none.
        name: str. Such as `SOFTMAX`.
    """
    builtin = getattr(schema.BuiltinOperator, name)
    for index, code in enumerate(model.operatorCodes):
        if builtin in (code.builtinCode, code.deprecatedBuiltinCode):
            return index
    code = schema.OperatorCodeT(
        builtinCode=builtin, deprecatedBuiltinCode=min(builtin, 127), version=1
    )
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def make_operator(model, kind, inputs, output, options):
    """Returns a new builtin operator, which is in no graph yet.

    Args:
        model: schema.ModelT. Gets the operator's code where it has none.
        kind: str. Such as `ADD`.
        inputs: list of int. Tensors.
        output: int. The tensor it makes.
        options: schema object of its kind, such as `AddOptionsT()`.
    """
    name = type(options).__name__.removesuffix("T")
    return schema.OperatorT(
        opcodeIndex=operator_code(model, kind),
        inputs=np.int32(inputs),
        outputs=np.int32([output]),
        builtinOptionsType=getattr(schema.BuiltinOptions, name),
        builtinOptions=options,
    )


def drop_unused(model):
    """Leaves out tensors that no operator knows, and their constants.

    Args:
        model: schema.ModelT, from `unpack`. Changed in place.
    """
    graph = model.subgraphs[0]
    lists = [graph, *graph.operators]
    known = {int(i) for one in lists for i in (*one.inputs, *one.outputs)}
    kept = sorted(known - {-1})  # a missing optional input
    places = {-1: -1, **{index: place for place, index in enumerate(kept)}}
    graph.tensors = [graph.tensors[index] for index in kept]
    for one in lists:
        one.inputs = np.int32([places[i] for i in one.inputs])
        one.outputs = np.int32([places[i] for i in one.outputs])
    for signature in model.signatureDefs or ():
        for tensor in (*signature.inputs, *signature.outputs):
            tensor.tensorIndex = places[tensor.tensorIndex]
    # The first buffer is that of all tensors without constants.
    used = {0, *(t.buffer for g in model.subgraphs for t in g.tensors)}
    used |= {metadata.buffer for metadata in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None


def shorten_names(model):
    """Drops names that nobody asks for.

    Constants lose theirs; what was fused from several operators keeps the
    first of theirs. In a quantized file they are a part of the size.

    Args:
        model: schema.ModelT. Changed in place.
    """
    for tensor in model.subgraphs[0].tensors:
        is_constant = model.buffers[tensor.buffer].data is not None
        tensor.name = b"" if is_constant else tensor.name.split(b";")[0]


def append_softmax(model, name):
    """Lets an unpacked model return the softmax of its only output.

    Args:
        model: schema.ModelT. Changed in place.
        name: str. What the signature calls the new output.

    Raises:
        ValueError: the output is not one float32 tensor.
    """
    graph = model.subgraphs[0]
    (output,) = graph.outputs
    logits = graph.tensors[output]
    if logits.type != schema.TensorType.FLOAT32:
        types = {v: k for k, v in vars(schema.TensorType).items()}
        raise ValueError(
            f"Probabilities need float32 logits, got {types[logits.type]}"
        )
    result = add_tensor(model, name, logits.shape)
    options = schema.SoftmaxOptionsT(beta=1.0)
    graph.operators.append(
        make_operator(model, "SOFTMAX", [output], result, options)
    )
    graph.outputs = [result]
    for signature in model.signatureDefs or ():
        for tensor in signature.outputs:
            tensor.name, tensor.tensorIndex = name, result


class _SharingBuilder(flatbuffers.Builder):
    """Writes equal vectors and strings once.

    A quantized file says the same zero points, shapes and axes hundreds of
    times, a tenth of the bytes of MobileViT-XXS.
    """

    def __init__(self, size):
        super().__init__(size)
        self._vectors = {}

    def CreateNumpyVector(self, x):  # noqa: N802  called by the generated code
        """Writes an array, or finds it; returns where it is."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = super().CreateNumpyVector(x)
        return self._vectors[key]

    def CreateString(self, s, *args):  # noqa: N802
        """Writes a string, or finds it; returns where it is."""
        if s not in self._vectors:
            self._vectors[s] = super().CreateString(s, *args)
        return self._vectors[s]


class _AlignedBuffer:
    """A `schema.BufferT` that packs its data to the schema's alignment.

    The generated code leaves it at 4 bytes, so that kernels would read
    constants across the bounds of vectors.
    """

    def __init__(self, buffer):
        self.data = buffer.data

    def Pack(self, builder):  # noqa: N802  called by the generated code
        """Writes the buffer; returns where it is."""
        data = self.data
        start = None
        if data is not None:
            data = bytes(data)
            builder.StartVector(1, len(data), _ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            start = builder.EndVector()
        schema.BufferStart(builder)
        if start is not None:
            schema.BufferAddData(builder, start)
        return schema.BufferEnd(builder)
