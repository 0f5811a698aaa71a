"""Taking a LiteRT file apart and putting it together again."""

import flatbuffers
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
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def add_buffer(model, data):
    """Adds a buffer of bytes to an unpacked model; returns its index."""
    model.buffers.append(_AlignedBuffer(schema.BufferT(data=data)))
    return len(model.buffers) - 1


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
    graph.tensors.append(
        schema.TensorT(
            shape=logits.shape,
            shapeSignature=logits.shapeSignature,
            type=logits.type,
            name=name,
            quantization=schema.QuantizationParametersT(),
            hasRank=logits.hasRank,
        )
    )
    result = len(graph.tensors) - 1
    graph.operators.append(
        schema.OperatorT(
            opcodeIndex=_softmax_code(model),
            inputs=[output],
            outputs=[result],
            builtinOptionsType=schema.BuiltinOptions.SoftmaxOptions,
            builtinOptions=schema.SoftmaxOptionsT(beta=1.0),
        )
    )
    graph.outputs = [result]
    for signature in model.signatureDefs or ():
        for tensor in signature.outputs:
            tensor.name, tensor.tensorIndex = name, result


def _softmax_code(model):
    """Returns the index of SOFTMAX among the operator codes."""
    softmax = schema.BuiltinOperator.SOFTMAX
    for index, code in enumerate(model.operatorCodes):
        if softmax in (code.builtinCode, code.deprecatedBuiltinCode):
            return index
    code = schema.OperatorCodeT(
        builtinCode=softmax, deprecatedBuiltinCode=softmax, version=1
    )
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


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
