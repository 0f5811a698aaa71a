import json
import os
import subprocess
import sys

import numpy as np
import pytest

import keras_mvit
from tests import golden

_IMPORT = """
import json, sys, time
import keras
before = set(sys.modules)
start = time.perf_counter()
import keras_mvit
seconds = time.perf_counter() - start
registered = keras.saving.get_registered_object("keras_mvit>MobileViTBlock")
print(json.dumps({
    "seconds": seconds,
    "registered": registered is not None,
    "modules": sorted(set(sys.modules) - before),
}))
"""
_REGISTERED = """
import keras, keras_mvit
print(keras.saving.get_registered_object("keras_mvit>ConvNormAct"))
"""
_HEAVY = ("tensorflow_datasets", "tensorflow_model_optimization", "matplotlib")
_HEAVY += ("ai_edge_litert", "ai_edge_quantizer", "sklearn", "PIL")

_ON_JAX = """
import sys
import keras, numpy as np
import keras_mvit
assert keras.backend.backend() == "jax"
name, path = sys.argv[1:]
content = dict(np.load(path))
image = content.pop("image")
model = keras_mvit.create_model(name, input_shape=image.shape[1:])
model.set_weights([content[key] for key in sorted(content)])
np.save(path + ".npy", model.predict(image, verbose=0))
"""


def _python(code, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_import_is_quick_and_light():
    answers = [json.loads(_python(_IMPORT)) for _ in range(3)]
    # The least of three: other work on the machine only adds to it.
    assert min(answer["seconds"] for answer in answers) < 0.5
    assert answers[0]["registered"]
    imported = {name.split(".")[0] for name in answers[0]["modules"]}
    assert imported.isdisjoint(_HEAVY)
    assert imported >= {"keras_mvit"}


def test_public_names():
    for name in keras_mvit.__all__:
        assert getattr(keras_mvit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'create_modle'"):
        keras_mvit.create_modle  # noqa: B018


@pytest.mark.large
@pytest.mark.parametrize(
    "key", ["timm.mobilevit_xxs", "timm.mobilevitv2_050", "cmt.cmt_ti"]
)
def test_jax_gives_the_same_answer(key, tmp_path):
    pytest.importorskip("jax", reason="extra `jax`")
    name = key.split(".")[1]
    # A last map of 3x5, which the patch does not divide.
    image = np.random.default_rng(0).random((2, 96, 160, 3), "float32")
    model = keras_mvit.create_model(name, input_shape=image.shape[1:])
    keras_mvit.load_reference_weights(model, golden.state_dict(key))
    weights = model.get_weights()
    path = tmp_path / "state.npz"
    arrays = {f"{index:04d}": w for index, w in enumerate(weights)}
    np.savez(path, image=image, **arrays)
    _python(_ON_JAX, name, str(path), KERAS_BACKEND="jax")
    on_jax = np.load(f"{path}.npy")
    here = model.predict(image, verbose=0)
    assert golden.relative_difference(on_jax, here) < 1e-4
    # The comparison sees a change of one weight.
    gamma = next(w for w in model.weights if w.path.endswith("gamma"))
    gamma.assign(1.01 * gamma)
    changed = model.predict(image, verbose=0)
    assert golden.relative_difference(changed, here) > 1e-4


@pytest.mark.parametrize(
    "name",
    [
        "benchmarks.py",
        pytest.param("keras-mvit-try.py", marks=pytest.mark.large),
    ],
)
def test_scripts_of_any_name_know_the_layers(name, tmp_path):
    script = tmp_path / name
    script.write_text(_REGISTERED)
    command = [sys.executable, str(script)]
    assert "ConvNormAct" in subprocess.check_output(command, text=True)


def test_a_line_of_code_knows_the_layers_whatever_it_names():
    assert "ConvNormAct" in _python(f"{_REGISTERED}'x/keras_mvit.keras'")


@pytest.mark.large
def test_other_benchmarks_know_the_layers(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "own.py").write_text(_REGISTERED)
    command = [sys.executable, "-m", "benchmarks.own"]
    answer = subprocess.check_output(command, text=True, cwd=tmp_path)
    assert "ConvNormAct" in answer
