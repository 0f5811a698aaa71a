"""MobileViT v1, MobileViTv2 and CMT in Keras 3."""

__version__ = "0.1.0"
