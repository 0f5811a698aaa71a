"""From a trained model to the equivalent one that LiteRT runs best."""

import keras

from keras_mvit import layers
from keras_mvit.export.rewrite.cmt import cmt_block, cmt_stem
from keras_mvit.export.rewrite.mobilevit import mobilevit_block
from keras_mvit.export.rewrite.mobilevitv2 import mobilevitv2_block
from keras_mvit.export.rewrite.residual import inverted_residual

_FORMS = {
    layers.CMTBlock: cmt_block,
    layers.CMTStem: cmt_stem,
    layers.InvertedResidual: inverted_residual,
    layers.MobileViTBlock: mobilevit_block,
    layers.MobileViTV2Block: mobilevitv2_block,
}


def deploy_form(model):
    """Replaces the blocks of a model by forms that answer the same, faster.

    The result is for inference and for export: it shares the weights of
    `model`, those of the blocks folded into constants. Layers of other kinds,
    also subclasses of the blocks, stay as they are.

    Args:
        model: functional keras.Model of static shape and batch 1, float32.

    Returns:
        keras.Model. Its inputs, outputs and the names of its layers are those
        of `model`.
    """
    return keras.models.clone_model(
        model, clone_function=_deployed, recursive=True
    )


class _Deployed(keras.layers.Layer):
    """A layer whose answer another function computes from its weights."""

    def __init__(self, layer, form):
        super().__init__(name=layer.name, dtype="float32")
        self.layer = layer
        self.form = form

    def call(self, *inputs):
        return self.form(self.layer, *inputs)

    def compute_output_spec(self, *inputs):
        # A model inside a model knows no sizes before it is traced.
        return self.layer.compute_output_spec(*inputs)


def _deployed(layer):
    form = _FORMS.get(type(layer))
    # The other attentions of a MobileViTBlock are for comparisons.
    known = getattr(layer, "attention_kind", "multi_head") == "multi_head"
    return _Deployed(layer, form) if form and known else layer
