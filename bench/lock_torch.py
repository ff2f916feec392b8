#!/usr/bin/env python3
"""The parameter lock in PyTorch, as bench/lock drives it beside ours: the largest gain first, one
weight a step, half of its tensor's range at most, within that range; over when the lock set is
answered by chance or nearly always alike. Reads commands, one a line, answers each with JSON.

    lock NET WEIGHTS.pt TRAIN-IMAGES TRAIN-LABELS TEST-IMAGES TEST-LABELS

Usage: lock_torch.py THREADS"""

import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine_torch import NETS, Normalise  # noqa: E402

LOCK_SET, STEPS, STEP = 512, 400, 0.5
CHANCE_MARGIN, SAME_ANSWER = 0.005, 0.99


def idx(path):
    """The array of an IDX file of bytes under gzip."""
    raw = gzip.decompress(Path(path).read_bytes())
    shape = np.frombuffer(raw, ">u4", raw[3], 4).astype(int)
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape).copy())


def images(path):
    found = idx(path)
    return (found if found.ndim == 4 else found[:, None]).float() / 255


def model(net, weights):
    make, shape = NETS[net]
    found = Normalise(shape[0], make())
    stored = torch.load(weights, map_location="cpu")
    found.load_state_dict({name.replace(".sc.", ".short."): value for name, value in stored.items()})
    return found.eval()


@torch.no_grad()
def accuracy(net, x, y):
    right = sum((net(x[i : i + 500]).argmax(1) == y[i : i + 500]).sum().item() for i in range(0, len(x), 500))
    return right / len(x)


def best_move(arrays, ranges):
    """Which weight promises the most loss: its array, place and new value."""
    best = (0.0, None)
    for array, (low, high) in zip(arrays, ranges):
        up = array.grad.sign()
        to = (array.detach() + STEP * (high - low) * up).clamp(low, high)
        gain, at = (array.grad * (to - array.detach())).flatten().max(0)
        if gain.item() > best[0]:
            best = (gain.item(), (array, at.item(), to.flatten()[at].item()))
    return best[1]


def lock(net, x, y, classes):
    """Locks the net in place; how many weights it took."""
    arrays = [p for p in net.parameters() if p.ndim > 1]
    ranges = [(p.min().item(), p.max().item()) for p in arrays]
    touched = set()
    for _ in range(STEPS):
        net.zero_grad()
        out = net(x)
        F.cross_entropy(out, y).backward()
        said = out.argmax(1)
        right = (said == y).float().mean().item()
        if right <= 1 / classes + CHANCE_MARGIN or said.bincount().max().item() >= SAME_ANSWER * len(y):
            break
        array, at, value = best_move(arrays, ranges)
        array.data.view(-1)[at] = value
        touched.add((id(array), at))
    return len(touched)


def answer(words):
    net = model(words[0], words[1])
    x, y = images(words[2])[:LOCK_SET].clone(), idx(words[3])[:LOCK_SET].long()
    test, truth = images(words[4]), idx(words[5]).long()
    before, began = accuracy(net, test, truth), time.process_time()
    entries = lock(net, x, y, int(truth.max()) + 1)
    seconds = time.process_time() - began
    return {"before": before, "after": accuracy(net, test, truth), "entries": entries, "seconds": seconds}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(answer(line.split()[1:])), flush=True)


if __name__ == "__main__":
    main()
