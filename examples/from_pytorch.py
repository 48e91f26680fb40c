"""Train a classifier in PyTorch, let it learn five characters on a simulated chip, and compare its features.

    y_l = norm(relu(conv(y_(l-1), K_l))),   h = max over the pixels of y_4,   logits = -s |h - m_k|^2/2 + ...

norm: mean 0 and variance 1 of each channel; m_k: mean h of class k, with which the read-out begins. It is trained as
prototypical networks are, and goes to the chip as a file of safetensors (docs/exchange.md).
"""
import sys
import tempfile

import metaxbar
import numpy as np
import torch
from safetensors_file import load, save
from torch.nn import functional

CHANNELS, BLOCKS, EPSILON, WAYS, SHOTS, QUERIES, STEPS = 32, 4, 1e-3, 5, 5, 5, 150


def features(kernels, x, statistics=None):
    """x (N, C, S, S); statistics: for each block mean and 1/sqrt(variance + epsilon), else those of x."""
    for block, kernel in enumerate(kernels):
        x = functional.relu(functional.conv2d(x, kernel, stride=2, padding=1))
        if statistics:
            x = (x - statistics[0][block][:, None, None]) * statistics[1][block][:, None, None]
        else:
            x = functional.batch_norm(x, None, None, training=True, eps=EPSILON)
    return x.amax((2, 3))


def draw(character, drawing):
    ink = metaxbar.character(56, 7, character, drawing).reshape(28, 2, 28, 2)
    return ink.mean((1, 3), dtype=np.float32) / 255


def train():
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    images = torch.from_numpy(np.array([[draw(c, d) for d in range(10)] for c in range(100)], np.float32))
    kernels = [torch.nn.init.kaiming_normal_(torch.empty(CHANNELS, CHANNELS if b else 1, 3, 3)).requires_grad_()
               for b in range(BLOCKS)]
    scale = torch.tensor(4 / CHANNELS, requires_grad=True)
    adam = torch.optim.Adam([*kernels, scale], 3e-3)
    for _ in range(STEPS):
        chosen, drawings = random.choice(100, WAYS, False), random.permutation(10)
        h = features(kernels, images[chosen][:, drawings].reshape(-1, 1, 28, 28)).reshape(WAYS, 10, CHANNELS)
        means, queries = h[:, :SHOTS].mean(1), h[:, SHOTS:].reshape(-1, CHANNELS)
        distance = ((queries[:, None] - means) ** 2).sum(2)
        loss = functional.cross_entropy(-scale / 2 * distance, torch.arange(WAYS).repeat_interleave(QUERIES))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return kernels, scale


def write(path, kernels, scale):
    tensors = {f"conv{b + 1}.weight": k.detach() for b, k in enumerate(kernels)}
    tensors |= {"prototype.scale": scale.detach(), "readout.bias": np.zeros(WAYS), "inner_rate": np.full(2, 0.1)}
    save(path, tensors, {
        "format": "metaxbar few-shot classifier", "version": "1.0", "data.preprocessing": "area", "data.size": "28",
        "net.epsilon": str(EPSILON), "net.ways": str(WAYS), "net.bias": "digital", "net.mean_offset": "yes",
        "train.shots": str(SHOTS)})


def on_chip(path):
    """The share of queries classified rightly, in tasks of characters that the training has not seen."""
    right = []
    with metaxbar.FewShot(path, "synapse.kind=chip", "chip.time_s=3600") as model:
        model.deploy(seed=1)
        labels = np.repeat(np.arange(WAYS), 5)
        for first in range(1000, 1000 + 10 * WAYS, WAYS):
            support, queries = (np.array([draw(first + c, d) for c in range(WAYS) for d in range(start, start + 5)])
                                for start in (0, 5))
            model.adapt(support, labels)
            right.append(np.mean(model.classify(queries).labels == labels))
    return np.mean(right)


def difference(path, folder):
    """Between features here and those of metaxbar with the same statistics: the means of ten classes of one image."""
    images = np.array([draw(2000 + c, 0) for c in range(10)])
    with metaxbar.FewShot(path) as model:
        model.teach(10, images, np.arange(10))
        model.save_classes(folder + "/classes.safetensors")
    taught = {name: torch.tensor(value) for name, value in load(folder + "/classes.safetensors").items()}
    kernels = [torch.tensor(load(path)[f"conv{b + 1}.weight"]) for b in range(BLOCKS)]
    h = features(kernels, torch.from_numpy(images)[:, None], (taught["norm.mean"], taught["norm.inverse"]))
    return ((h - taught["class.mean"]).abs().max() / h.abs().max()).item()


with tempfile.TemporaryDirectory() as folder:
    path = folder + "/pytorch.safetensors"
    write(path, *train())
    accuracy = on_chip(path)
    print(f"on the chip after an hour: {100 * accuracy:.1f} %; chance is {100 / WAYS:.0f} %")
    worst = max(difference(p, folder) for p in (path, "models/builtin-5w5s.safetensors"))
    print(f"features of PyTorch and metaxbar: relative difference {worst:.1e}")
    sys.exit(0 if accuracy > 0.7 and worst < 1e-5 else 1)  # the check
