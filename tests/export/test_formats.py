import pytest

from keras_mvit.export import formats

INT8_FORMATS = ["int8", "int8_full"]


def test_formats_are_known():
    rows = formats.get_formats(["int8", "float32", "int8"])
    assert [row.name for row in rows] == ["int8", "float32"]
    assert formats.get_formats("int8") == formats.get_formats(["int8"])


@pytest.mark.parametrize("names", [["int9"], ["float32", "int9"], [], "int9"])
def test_unknown_formats_are_named(names):
    with pytest.raises(ValueError, match="Known formats: float32, float16"):
        formats.get_formats(names)


def test_default_formats_are_known():
    assert set(formats.DEFAULT_FORMATS) < set(formats.FORMATS)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("name", formats.FORMATS)
def test_only_formats_of_8_bits_take_them(name, dtype):
    if name in INT8_FORMATS:
        assert formats.get_formats([name], (dtype, "float32"))
    else:
        with pytest.raises(ValueError, match=f"'{name}' takes .* no {dtype}"):
            formats.get_formats(["int8", name], ("float32", dtype))
