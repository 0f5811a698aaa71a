"""A LiteRT file that nothing runs, made at once, for tests of the rest."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def write(path, description):
    """Writes a model without operators; `description` sets it apart."""
    model = schema.ModelT()
    model.version = 3
    model.description = description
    model.subgraphs = [schema.SubGraphT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return str(path)
