"""Flatbuffers of tables by the numbers of their fields, without a compiler.

A table to write is a dict of field number -> str, int (one byte), `uint32`,
`float_vector`, table or list of tables.
"""

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table as _Position

uint32 = np.uint32


def float_vector(values):
    """Returns values for a field of floats."""
    return np.asarray(values, np.float32)


def pack(table, identifier):
    """Writes a root table as bytes with a file identifier of 4 bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write(builder, table), file_identifier=identifier)
    return bytes(builder.Output())


def unpack(data, identifier):
    """Opens the root table of a flatbuffer, a `Reader`.

    Raises:
        ValueError: it has another identifier.
    """
    if data[4:8] != identifier:
        raise ValueError(f"expected the mark {identifier}, got {data[4:8]}")
    start = flatbuffers.encode.Get(
        number_types.UOffsetTFlags.packer_type, data, 0
    )
    return Reader(data, start)


class Reader:
    """Reads a table by the numbers of its fields.

    Args:
        data: bytes.
        position: int. Where the table begins.
    """

    def __init__(self, data, position):
        self._data = data
        self._table = _Position(data, position)

    def text(self, field):
        """A string field; empty where it is missing."""
        at = self._at(field)
        return self._table.String(at).decode() if at else ""

    def uint8(self, field):
        """An integer field of one byte; 0 where it is missing."""
        at = self._at(field)
        return self._table.Get(number_types.Uint8Flags, at) if at else 0

    def uint32(self, field):
        """An integer field of four bytes; 0 where it is missing."""
        at = self._at(field)
        return self._table.Get(number_types.Uint32Flags, at) if at else 0

    def floats(self, field):
        """A tuple of floats; empty where the field is missing."""
        at = self._at(field)
        if not at:
            return ()
        values = self._table.GetVectorAsNumpy(
            number_types.Float32Flags, at - self._table.Pos
        )
        return tuple(float(value) for value in values)

    def table(self, field):
        """A `Reader` of a table; raises `LookupError` if it is missing."""
        at = self._at(field)
        if not at:
            raise LookupError(f"field {field} is missing")
        return Reader(self._data, self._table.Indirect(at))

    def tables(self, field):
        """A list of `Reader`s; empty where the field is missing."""
        at = self._at(field)
        if not at:
            return []
        offset = at - self._table.Pos
        start = self._table.Vector(offset)
        return [
            Reader(self._data, self._table.Indirect(start + 4 * i))
            for i in range(self._table.VectorLen(offset))
        ]

    def _at(self, field):
        """Position of a field, 0 where it is missing."""
        offset = self._table.Offset(4 + 2 * field)
        return offset and offset + self._table.Pos


def _write(builder, table):
    """Writes a table behind all it refers to; returns where it is."""
    places = {
        field: _refer(builder, value)
        for field, value in table.items()
        if not isinstance(value, int | uint32)
    }
    builder.StartObject(max(table, default=-1) + 1)
    for field, value in table.items():
        if field in places:
            builder.PrependUOffsetTRelativeSlot(field, places[field], 0)
        elif isinstance(value, uint32):
            builder.PrependUint32Slot(field, int(value), 0)
        else:
            builder.PrependUint8Slot(field, value, 0)
    return builder.EndObject()


def _refer(builder, value):
    """Writes what a field only points to; returns where it is."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, dict):
        return _write(builder, value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    offsets = [_write(builder, table) for table in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
