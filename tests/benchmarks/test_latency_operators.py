import pytest

from benchmarks.latency_operators import main, profile
from keras_mvit.export.convert import to_float32
from tests.export.small_model import small_model


def test_every_operator_is_timed_and_products_are_counted():
    content = to_float32(small_model(), (32, 32))
    kinds, whole_ms = profile(content)
    assert whole_ms > 0
    for count, ms, _ in kinds.values():
        assert count >= 1 and ms > 0
    products = {kind for kind, (_, _, flop) in kinds.items() if flop}
    assert products and all(
        kind.split()[0] in ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")
        for kind in products
    )


def test_no_file_is_refused():
    with pytest.raises(ValueError, match="LiteRT"):
        profile(b"no file of LiteRT's")


def test_files_are_printed_and_none_is_an_error(tmp_path, capsys):
    path = tmp_path / "small.tflite"
    path.write_bytes(to_float32(small_model(), (32, 32)))
    main([str(path)])
    printed = capsys.readouterr().out
    assert str(path) in printed and "CONV_2D 3x3" in printed
    with pytest.raises(ValueError, match="no file is named"):
        main([])
