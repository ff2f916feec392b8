#!/usr/bin/env python3
"""PyTorch as bench/curves drives it: one network, from the weights that are exported first, by the
rule that hallmark-worker is given.

    curves_torch.py export NET FILE.onnx      the network before training
    curves_torch.py train NET PARAMS.json TRAIN_IMAGES TRAIN_LABELS TEST_IMAGES TEST_LABELS

A training prints one line of JSON an epoch: mean loss, accuracy on the test set, seconds."""

import gzip
import json
import struct
import sys
import time

import numpy
import torch
from engine_torch import made, write
from torch.nn import functional as F

ODD = numpy.uint64(0x9E3779B97F4A7C15)


def idx(path):
    """An IDX file of bytes, gzip or plain, as an array."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return torch.from_numpy(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(shape).copy())


def images(path):
    found = idx(path)
    return found if found.ndim == 4 else found[:, None]


# ---- The order of an epoch: core/train/random.c's, so that both see the same batches -------------


def mixed(z):
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return z ^ (z >> numpy.uint64(31))


def order(seed, epoch, count):
    state = mixed(numpy.array([seed], numpy.uint64) + ODD)
    for what in (0, epoch, 0):
        state = mixed(state + ODD * numpy.array([1 + what], numpy.uint64))
    bits = mixed(state + ODD * numpy.arange(1, count, dtype=numpy.uint64)) >> numpy.uint64(32)
    below = (bits * numpy.arange(count, 1, -1, dtype=numpy.uint64)) >> numpy.uint64(32)
    places = list(range(count))
    for i, j in zip(range(count - 1, 0, -1), below.tolist()):
        places[i], places[j] = places[j], places[i]
    return torch.tensor(places)


# ---- Training ------------------------------------------------------------------------------------


def floats(x):
    return x.float().div(255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    right = sum((net(floats(x[i : i + 500])).argmax(1) == y[i : i + 500]).sum().item() for i in range(0, len(x), 500))
    return right / len(x)


def optimiser(net, rule):
    """The decay is for arrays of more than one dimension."""
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": rule["decay"]},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0},
    ]
    return torch.optim.SGD(groups, lr=rule["rate"], momentum=rule["momentum"], nesterov=rule["nesterov"])


def train(name, rule, x, y, test_x, test_y):
    net = made(name)[0].to(memory_format=torch.channels_last)
    sgd, steps = optimiser(net, rule), len(x) // rule["batch"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        sgd, rule["rate"], total_steps=steps * rule["epochs"], pct_start=rule["warmup"],
        div_factor=rule["start"], final_div_factor=rule["end"], cycle_momentum=False,
    )  # fmt: skip
    for epoch in range(rule["epochs"]):
        begin, total = time.perf_counter(), 0.0
        net.train()
        for batch in order(rule["seed"], epoch, len(x))[: steps * rule["batch"]].split(rule["batch"]):
            sgd.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(floats(x[batch])), y[batch])
            loss.backward()
            sgd.step()
            schedule.step()
            total += loss.item()
        right = accuracy(net, test_x, test_y)
        seconds = time.perf_counter() - begin
        print(json.dumps({"loss": total / steps, "accuracy": right, "seconds": seconds}), flush=True)


def main():
    what, name, *files = sys.argv[1:]
    if what == "export":
        write(*made(name), files[0], training=True)
        return
    with open(files[0], encoding="utf-8") as file:
        rule = json.load(file)
    torch.set_num_threads(rule["threads"])
    x, test_x = images(files[1]), images(files[3])
    train(name, rule, x, idx(files[2]).long(), test_x, idx(files[4]).long())


if __name__ == "__main__":
    main()
