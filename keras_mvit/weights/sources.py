"""How the reference implementations name the tensors of our layers.

A source is a list of substitutions from the path of one of our layers, such
as `layer3_1/transformer_0/attention/qkv`, to the prefix of its tensors in
the reference's state dict. `{a,b,c}` in a prefix stands for several tensors
that we hold as one, concatenated over the outputs; `<depth>` for the number of
transformer layers in the block.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Source:
    """One reference implementation of one family.

    Attributes:
        name: str. "timm", "transformers", "cvnets" or "cmt".
        rules: pairs (pattern, replacement), each applied by `re.sub` to the
            result of those before it.
        ignored: suffixes of tensors that inference has no use for.
    """

    name: str
    rules: tuple
    ignored: tuple = (".num_batches_tracked",)

    def prefixes(self, layer_path, depth=None):
        """Return the reference prefixes of a layer, in order.

        Args:
            layer_path: str. Names of the layers around it, joined by "/".
            depth: int or None. Transformer layers of the block it is in.

        Returns:
            list of str. One, or several where we hold them as one.
        """
        for pattern, replacement in self.rules:
            layer_path = re.sub(pattern, replacement, layer_path)
        prefix = layer_path.replace("/", ".").replace("<depth>", str(depth))
        group = re.search(r"{(.*)}", prefix)
        if not group:
            return [prefix]
        return [
            prefix.replace(group.group(), part)
            for part in group.group(1).split(",")
        ]


def _zero_based(template):
    """Make a replacement whose first group counts from 0, not from 1."""

    def replace(match):
        first, *others = match.groups()
        return template.format(int(first) - 1, *others)

    return replace


_TIMM = (
    (r"^layer(\d)_(\d)", _zero_based("stages.{}.{}")),
    (r"/expand/", "/conv1_1x1/"),
    (r"/depthwise/", "/conv2_kxk/"),
    (r"/project/", "/conv3_1x1/"),
    (r"/local_conv/", "/conv_kxk/"),
    (r"/local_proj$", "/conv_1x1"),
    (r"/transformer_(\d+)/", r"/transformer.\1/"),
    (r"/attention/", "/attn/"),
    (r"/mlp_fc", "/mlp.fc"),
    (r"^head_conv/", "final_conv/"),
    (r"^classifier$", "head.fc"),
)

_TRANSFORMERS = (
    (r"/conv$", "/convolution"),
    (r"/bn$", "/normalization"),
    (r"^stem/", "conv_stem/"),
    (r"^layer([12])_(\d)", _zero_based("encoder.layer.{}.layer.{}")),
    (r"^layer(\d)_0", _zero_based("encoder.layer.{}.downsampling_layer")),
    (r"^layer(\d)_1", _zero_based("encoder.layer.{}")),
    (r"/expand/", "/expand_1x1/"),
    (r"/depthwise/", "/conv_3x3/"),
    (r"/project/", "/reduce_1x1/"),
    (r"/local_conv/", "/conv_kxk/"),
    (r"/local_proj$", "/conv_1x1/convolution"),
    (r"/transformer_(\d+)/", r"/transformer.layer.\1/"),
    (r"/norm1$", "/layernorm_before"),
    (r"/norm2$", "/layernorm_after"),
    (r"/norm$", "/layernorm"),
    (r"/conv_proj/", "/conv_projection/"),
    (r"/conv_fusion/", "/fusion/"),
    (r"^head_conv/", "conv_1x1_exp/"),
)

_CVNETS = (
    (r"/conv$", "/block.conv"),
    (r"/bn$", "/block.norm"),
    (r"^stem/", "conv_1/"),
    (r"^head_conv/", "conv_1x1_exp/"),
    (r"/expand/", "/block.exp_1x1/"),
    (r"/depthwise/", "/block.conv_3x3/"),
    (r"/project/", "/block.red_1x1/"),
    (r"/norm$", "/global_rep.<depth>"),  # after the transformer layers
    (r"/transformer_(\d+)/", r"/global_rep.\1/"),
    (r"/norm2$", "/pre_norm_ffn.0"),
    (r"/mlp_fc1", "/pre_norm_ffn.1"),
    (r"/conv_fusion/", "/fusion/"),
    (r"^layer(\d)_(\d)", r"layer_\1.\2"),
)

_TRANSFORMERS_V1 = (
    (r"/attention/qkv", "/attention.attention.{query,key,value}"),
    (r"/attention/proj", "/attention.output.dense"),
    (r"/mlp_fc1", "/intermediate.dense"),
    (r"/mlp_fc2", "/output.dense"),
    *_TRANSFORMERS,
)

_TRANSFORMERS_V2 = (
    (r"/attention/qkv", "/attention.qkv_proj.convolution"),
    (r"/attention/proj", "/attention.out_proj.convolution"),
    (r"/mlp_fc(\d)", r"/ffn.conv\1.convolution"),
    *_TRANSFORMERS,
)

# Transformers has two rows: its models without classifier have no prefix.
MOBILEVIT = (
    Source("timm", _TIMM),
    Source(
        "transformers", (*_TRANSFORMERS_V1, (r"^(?!classifier)", "mobilevit."))
    ),
    Source("transformers", _TRANSFORMERS_V1),
    Source(
        "cvnets",
        (
            (r"/local_conv/", "/local_rep.conv_3x3/"),
            (r"/local_proj$", "/local_rep.conv_1x1.block.conv"),
            (r"/norm1$", "/pre_norm_mha.0"),
            (r"/attention/qkv", "/pre_norm_mha.1.qkv_proj"),
            (r"/attention/proj", "/pre_norm_mha.1.out_proj"),
            (r"/mlp_fc2", "/pre_norm_ffn.4"),
            *_CVNETS,
            (r"^classifier$", "classifier.fc"),
        ),
    ),
)

MOBILEVITV2 = (
    Source(
        "timm",
        (
            (r"/attention/qkv$", "/attention/qkv_proj"),
            (r"/attention/proj$", "/attention/out_proj"),
            *_TIMM,
        ),
    ),
    Source(
        "transformers",
        (*_TRANSFORMERS_V2, (r"^(?!classifier)", "mobilevitv2.")),
    ),
    Source("transformers", _TRANSFORMERS_V2),
    Source(
        "cvnets",
        (
            (r"/local_conv/", "/local_rep.0/"),
            (r"/local_proj$", "/local_rep.1.block.conv"),
            (r"/norm1$", "/pre_norm_attn.0"),
            (r"/attention/qkv", "/pre_norm_attn.1.qkv_proj.block.conv"),
            (r"/attention/proj", "/pre_norm_attn.1.out_proj.block.conv"),
            (r"/mlp_fc1$", "/mlp_fc1.block.conv"),
            (r"/mlp_fc2$", "/pre_norm_ffn.3.block.conv"),
            *_CVNETS,
            (r"^classifier$", "classifier.1"),
        ),
    ),
)

_LETTERS = "abcd"

CMT = (
    Source(
        "cmt",
        (
            (r"^stem/conv(\d)", r"stem_conv\1"),
            (r"^stem/bn(\d)", r"stem_norm\1"),
            (r"^head_conv/conv$", "_fc"),
            (r"^head_conv/bn$", "_bn"),
            (r"^classifier$", "head"),
            (
                r"^stage(\d)_embedding",
                lambda m: f"patch_embed_{_LETTERS[int(m[1]) - 1]}",
            ),
            (
                r"^stage(\d)_bias$",
                lambda m: f"relative_pos_{_LETTERS[int(m[1]) - 1]}",
            ),
            (
                r"^stage(\d)_(\d+)",
                lambda m: f"blocks_{_LETTERS[int(m[1]) - 1]}.{m[2]}",
            ),
            (r"/perception/conv", "/proj"),
            (r"/attention/query", "/attn.q"),
            (r"/attention/key", "/attn.k"),
            (r"/attention/value", "/attn.v"),
            (r"/attention/proj", "/attn.proj"),
            (r"/attention/reduction", "/attn.sr.0"),
            (r"/attention/bn", "/attn.sr.1"),
            (r"/ffn/expand_conv", "/mlp.conv1.0"),
            (r"/ffn/expand_bn", "/mlp.conv1.2"),
            (r"/ffn/depthwise_conv", "/mlp.proj"),
            (r"/ffn/depthwise_bn", "/mlp.proj_bn"),
            (r"/ffn/project_conv", "/mlp.conv2.0"),
            (r"/ffn/project_bn", "/mlp.conv2.1"),
        ),
    ),
)
