import pytest
import tensorflow as tf

from keras_mvit.export import lint_rules
from tests.export import broken_files
from tests.export.broken_files import convert_function, pooled


def _found(content, targets=lint_rules.TARGETS):
    findings = lint_rules.lint_file(content, targets)
    return [(finding.target, finding.rule) for finding in findings]


def test_a_good_file_has_no_findings():
    assert _found(convert_function(pooled)) == []


@pytest.mark.parametrize(
    "file_format", ["float32", "float16", "dynamic", "int8"]
)
def test_exports_run_wholly_on_xnnpack(exported, file_format):
    content = (exported[0] / f"small_{file_format}.tflite").read_bytes()
    assert _found(content, ["xnnpack"]) == []
    # Quantized files keep constants elsewhere; taken for computed tensors,
    # their int32 would be refused.
    assert ("gpu", "op") not in _found(content, ["gpu"])


def test_flex_op():
    (xnnpack, gpu) = lint_rules.lint_file(broken_files.with_flex_op())
    assert (xnnpack.rule, gpu.rule) == ("flex", "flex")
    assert gpu.place.startswith("op 1 FlexErf")


def test_custom_op():
    content = broken_files.with_custom_op()
    assert _found(content) == [("xnnpack", "custom"), ("gpu", "custom")]


def test_rank():
    findings = lint_rules.lint_file(broken_files.with_rank_5())
    assert {(f.target, f.rule) for f in findings} == {("gpu", "rank")}
    assert [f.message for f in findings] == [
        "(1, 4, 2, 8, 3) has over 4 axes",
        "(1, 2, 4, 8, 3) has over 4 axes",
    ]


@pytest.mark.parametrize("shape", [(None, 8, 8, 3), (1, None, None, 3)])
def test_dynamic_shape(shape):
    (finding,) = lint_rules.lint_file(convert_function(tf.nn.relu, shape))
    assert (finding.target, finding.rule) == ("gpu", "dynamic")
    assert "image" in finding.place


def test_batch():
    (finding,) = lint_rules.lint_file(
        convert_function(tf.nn.relu, (2, 8, 8, 3))
    )
    assert (finding.target, finding.rule) == ("gpu", "batch")
    assert finding.message == "batch 2, expected 1"


def test_folded_batch_is_found_where_it_begins():
    (finding,) = lint_rules.lint_file(broken_files.with_folded_batch())
    assert (finding.target, finding.rule) == ("gpu", "batch")
    assert finding.message == "batch folded by RESHAPE to 4"


def test_op_that_xnnpack_has_not():
    (finding,) = lint_rules.lint_file(convert_function(tf.sign))
    assert (finding.target, finding.rule) == ("xnnpack", "op")
    assert finding.message == "XNNPACK has no SIGN"


def test_op_that_xnnpack_has_not_of_this_type():
    (finding,) = lint_rules.lint_file(broken_files.with_int8_softmax())
    assert (finding.target, finding.rule) == ("xnnpack", "op")
    assert finding.message == "XNNPACK has no SOFTMAX of int8, only of float32"


def test_partitions():
    content = convert_function(lambda x: tf.sin(tf.sign(tf.sin(x))))
    assert _found(content) == [("xnnpack", "op"), ("xnnpack", "partitions")]


def test_op_that_the_gpu_has_not():
    (finding,) = lint_rules.lint_file(convert_function(tf.math.ceil))
    assert (finding.target, finding.rule) == ("gpu", "op")
    assert finding.message == "the GPU delegate has no CEIL"


def test_op_that_the_gpu_has_not_of_this_type():
    content = convert_function(
        lambda x: tf.cast(tf.cast(x, tf.int32) + 1, tf.float32)
    )
    (finding,) = lint_rules.lint_file(content, ["gpu"])
    assert finding.message == "the GPU delegate has no ADD of int32"


@pytest.mark.parametrize("targets", [["npu"], []])
def test_unknown_targets(targets):
    with pytest.raises(ValueError, match="expected some of xnnpack, gpu"):
        lint_rules.lint_file(b"", targets)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short(float32_file, share):
    with pytest.raises(ValueError, match="LiteRT"):
        lint_rules.lint_file(float32_file[: int(share * len(float32_file))])


def test_further_signatures_are_judged_too(tmp_path):
    content = broken_files.with_second_signature(tf.nn.relu, tmp_path / "good")
    assert _found(content) == []
    for name, function, expected in (
        ("flex", tf.math.erf, {("xnnpack", "flex"), ("gpu", "flex")}),
        ("op", tf.sign, {("xnnpack", "op")}),
        (
            "rank",
            lambda x: tf.transpose(
                tf.reshape(x, (1, 4, 2, 8, 3)), (0, 2, 1, 3, 4)
            ),
            {("gpu", "rank")},
        ),
    ):
        content = broken_files.with_second_signature(function, tmp_path / name)
        findings = lint_rules.lint_file(content)
        assert {(f.target, f.rule) for f in findings} == expected
        assert all(f.place.startswith("graph 1 ") for f in findings)


def test_bodies_of_loops_are_judged_too():
    def grow(image):
        return tf.while_loop(
            lambda x: tf.reduce_sum(x) < 9, lambda x: [tf.sign(x) + x], [image]
        )

    places = {
        f.place.split(" op ")[0]
        for f in lint_rules.lint_file(convert_function(grow))
    }
    assert "graph 2" in places
