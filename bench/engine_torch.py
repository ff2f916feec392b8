#!/usr/bin/env python3
"""PyTorch as bench/engine drives it: makes the three networks, and reads commands, one a line,
answering each with a line.

    export FOLDER                writes NAME.onnx for inference and NAME.train.onnx for training,
                                 answers with {NAME: multiplications of one image} as JSON
    train NAME BATCH SECONDS     seconds of the fastest training step
    memory NAME BATCH            bytes that training takes at its peak, beyond what was there before

Usage: engine_torch.py THREADS"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

WARM_UP = 2


class Normalise(nn.Module):
    def __init__(self, channels, net):
        super().__init__()
        self.register_buffer("mean", torch.full((1, channels, 1, 1), 0.4))
        self.register_buffer("std", torch.full((1, channels, 1, 1), 0.3))
        self.net = net

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class Dense(nn.Module):
    def __init__(self, channels, more):
        super().__init__()
        self.bn, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, more, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.bn(x)))], 1)


def densenet(more=12, blocks=(4, 4, 4)):
    channels = 2 * more
    layers = [nn.Conv2d(1, channels, 3, padding=1, bias=False)]
    for i, count in enumerate(blocks):
        for _ in range(count):
            layers.append(Dense(channels, more))
            channels += more
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if i + 1 < len(blocks):
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Residual(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.c2, self.b2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.short = nn.Identity()
        if stride != 1 or channels != out:
            self.short = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.short(x))


def resnet20():
    layers, channels = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for out, stride in ((16, 1), (32, 2), (64, 2)):
        for i in range(3):
            layers.append(Residual(channels, out, stride if i == 0 else 1))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


# The network, and its input for one image.
NETS = {"resnet20": (resnet20, (3, 32, 32)), "lenet": (lenet, (1, 28, 28)), "densenet": (densenet, (1, 28, 28))}


def made(name):
    torch.manual_seed(1)
    make, shape = NETS[name]
    net = Normalise(shape[0], make())
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):  # the exporter would make one array of those that are alike
            for array, low in ((layer.weight, 0.5), (layer.running_var, 0.5), (layer.bias, -0.5), (layer.running_mean, -0.5)):
                nn.init.uniform_(array, low, low + 1)
    return net, shape


def multiplications(net, shape):
    """Of the convolutions and products for one image."""
    total = 0

    def count(layer, _, out):
        nonlocal total
        total += layer.weight[0].numel() * out[0].numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        net.eval()(torch.rand(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


def write(net, shape, path, training=False):
    """The network as ONNX; for training, with every node as it is in the network."""
    options = {"opset_version": 13, "input_names": ["input"], "output_names": ["logits"],
               "dynamic_axes": {"input": {0: "N"}, "logits": {0: "N"}}}  # fmt: skip
    if training:
        options.update(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    torch.onnx.export(net.eval(), torch.rand(2, *shape), path, **options)


def export(folder):
    counts = {}
    for name in NETS:
        net, shape = made(name)
        counts[name] = multiplications(net, shape)
        write(net, shape, f"{folder}/{name}.onnx")
        write(net, shape, f"{folder}/{name}.train.onnx", training=True)
    return json.dumps(counts)


class Training:
    """Channels last, which is the faster way."""

    def __init__(self, name, batch):
        net, shape = made(name)
        self.net = net.to(memory_format=torch.channels_last).train()
        self.x = torch.rand(batch, *shape).contiguous(memory_format=torch.channels_last)
        self.y = torch.arange(batch) % 10
        self.sgd = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, nesterov=True, weight_decay=5e-4)
        for _ in range(WARM_UP):
            self.step()

    def step(self):
        self.sgd.zero_grad(set_to_none=True)
        F.cross_entropy(self.net(self.x), self.y).backward()
        self.sgd.step()

    def fastest(self, seconds):
        best, end = float("inf"), time.perf_counter() + seconds
        while True:
            begin = time.perf_counter()
            self.step()
            best = min(best, time.perf_counter() - begin)
            if time.perf_counter() > end:
                return best


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def training_memory(name, batch):
    before = peak_memory()
    Training(name, batch).step()
    return peak_memory() - before


def main():
    torch.set_num_threads(int(sys.argv[1]))
    trainings = {}
    for line in sys.stdin:
        what, *words = line.split()
        if what == "export":
            print(export(words[0]), flush=True)
        elif what == "memory":
            print(training_memory(words[0], int(words[1])), flush=True)
        else:
            key = words[0], int(words[1])
            trainings.setdefault(key, None)
            trainings[key] = trainings[key] or Training(*key)
            print(f"{trainings[key].fastest(float(words[2])):.9f}", flush=True)


if __name__ == "__main__":
    main()
