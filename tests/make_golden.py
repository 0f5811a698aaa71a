"""Record what the reference implementations answer at unusual sizes.

    python -m tests.make_golden tests/data/golden

Needs torch and timm (torchvision is stubbed: the models do not use it). The
files have the form of the others in `tests/data/golden`: seeded weights, a
seeded image, the logits.
"""

import os
import sys

import numpy as np

from benchmarks.train_step_peer import import_timm
from tests import seeded

SIZES = ((160, 160), (192, 320), (224, 224), (225, 257), (32, 33))
VARIANTS = (
    "mobilevit_xxs",
    "mobilevit_xs",
    "mobilevit_s",
    "mobilevitv2_050",
    "mobilevitv2_100",
)


def main(folder):
    """Write `timm.NAME.HxW.npz` for every variant and size."""
    torch, timm = import_timm()
    for name in VARIANTS:
        model = timm.create_model(name)
        state = {
            key: torch.from_numpy(np.array(seeded.weight(key, tuple(t.shape))))
            for key, t in model.state_dict().items()
        }
        model.load_state_dict(state)
        model.eval()
        for height, width in SIZES:
            shape = (1, height, width, 3)
            x = torch.from_numpy(seeded.image(shape)).permute(0, 3, 1, 2)
            with torch.no_grad():
                logits = model(x).numpy()
            path = os.path.join(folder, f"timm.{name}.{height}x{width}.npz")
            np.savez_compressed(path, input_shape=shape, logits=logits)
            print(path, logits.std())


if __name__ == "__main__":
    main(sys.argv[1])
