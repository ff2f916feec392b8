#!/usr/bin/python3
"""What thieves do to a model's file without training it, written with ONNX's own library, for
bench/verify: none of it shares code with what undoes it.

    verify_suspects.py change MODEL OUT WHAT [SEED]    WHAT: a row of CHANGES
    verify_suspects.py mix OUT WHAT SEED MODEL…        a collusion: a row of MIXES
    verify_suspects.py subset IMAGES LABELS SHARE SEED OUT_IMAGES OUT_LABELS
"""

import gzip
import struct
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

# Behind these a channel is still the same channel, and a positive scale still the same scale.
CHANNELWISE = {"Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "Dropout"}


class Model:
    """A model with its weights as arrays."""

    def __init__(self, path):
        self.proto = onnx.load(path)
        # What rides along (the ciphertext of an unlocked artifact) is not part of a thief's file.
        self.graph = self.proto.graph
        self.w = {i.name: numpy_helper.to_array(i).copy() for i in self.graph.initializer}

    def save(self, path):
        del self.graph.initializer[:]
        self.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in self.w.items())
        del self.proto.metadata_props[:]
        onnx.save(self.proto, path)

    def matrices(self):
        return [name for name, a in self.w.items() if a.dtype == np.float32 and sum(d > 1 for d in a.shape) >= 2]

    def readers(self, name):
        return [node for node in self.graph.node if name in node.input]

    def hidden(self):
        """Layers whose channels only one other layer sees: (maker, norm or None, reader, positions each)."""
        found = []
        for maker in self.graph.node:
            if maker.op_type not in ("Conv", "Gemm") or (maker.op_type == "Conv" and group(maker) != 1):
                continue
            norm, at, spread = None, maker.output[0], False
            while True:
                readers = self.readers(at)
                if len(readers) != 1 or at in [o.name for o in self.graph.output]:
                    break
                node = readers[0]
                if node.op_type == "BatchNormalization" and norm is None:
                    norm = node
                elif node.op_type == "Flatten":
                    spread = True
                elif node.op_type in ("Conv", "Gemm"):
                    if node.op_type == "Gemm" or group(node) == 1:
                        found.append((maker, norm, node))
                    break
                elif node.op_type not in CHANNELWISE:
                    break
                at = node.output[0]
        return found

    def pieces(self, maker, norm):
        """Names of all arrays with a value, or a row, for each channel that the layer makes."""
        names = [name for name in maker.input[1:] if name in self.w]
        return names + ([name for name in norm.input[1:] if name in self.w] if norm else [])

    def columns(self, reader, channels):
        """The reader's weights as an array with the channel as axis 1; Gemm's are (out, in)."""
        a = self.w[reader.input[1]]
        return a.reshape(a.shape[0], channels, -1)


def group(node):
    return next((a.i for a in node.attribute if a.name == "group"), 1)


def channels_of(model, maker):
    return model.w[maker.input[1]].shape[0]


# ---- Changes -----------------------------------------------------------------------------------


def prune(share):
    def change(model, _):
        for name in model.matrices():
            a = model.w[name]
            a[np.abs(a) <= np.quantile(np.abs(a), share)] = 0

    return change


def quantise(bits):
    def change(model, _):
        for name in model.matrices():
            a = model.w[name]
            step = np.abs(a).max() / (2 ** (bits - 1) - 1)
            model.w[name] = (np.round(a / step) * step).astype(np.float32)

    return change


def halves(model, _):
    for name in model.matrices():
        model.w[name] = model.w[name].astype(np.float16).astype(np.float32)


def fold(model, _):
    """Batch norms into the convolutions before them."""
    gone = []
    for node in model.graph.node:
        if node.op_type != "BatchNormalization":
            continue
        makers = [m for m in model.graph.node if node.input[0] in m.output]
        if not makers or makers[0].op_type != "Conv" or len(model.readers(node.input[0])) != 1:
            continue
        conv, eps = makers[0], next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        # Some exporters share a norm's arrays by Identity nodes.
        scale, shift, mean, var = (model.w[resolve(model, name)] for name in node.input[1:])
        factor = scale / np.sqrt(var + eps)
        weights = model.w[conv.input[1]]
        model.w[conv.input[1]] = (weights * factor[:, None, None, None]).astype(np.float32)
        bias = model.w[conv.input[2]] if len(conv.input) > 2 else np.zeros_like(mean)
        name = conv.input[1] + ".folded"
        model.w[name] = ((bias - mean) * factor + shift).astype(np.float32)
        kept = list(conv.input[:2]) + [name]
        del conv.input[:]
        conv.input.extend(kept)
        conv.output[0] = node.output[0]
        gone.append(node)
    for node in gone:
        model.graph.node.remove(node)


def resolve(model, name):
    while name not in model.w:
        name = next(n.input[0] for n in model.graph.node if name in n.output and n.op_type == "Identity")
    return name


def permute(model, draw):
    """Hidden channels in another order, each at another scale that the next layer undoes."""
    for maker, norm, reader in model.hidden():
        n = channels_of(model, maker)
        order, scale = draw.permutation(n), np.exp(draw.uniform(-1, 1, n)).astype(np.float32)
        names = model.pieces(maker, norm)
        for name in names:
            model.w[name] = model.w[name][order]
        scaled = [name for name in (norm.input[1:3] if norm else names)]
        for name in scaled:
            a = model.w[name]
            model.w[name] = a * scale.reshape((n,) + (1,) * (a.ndim - 1))
        a = model.w[reader.input[1]]
        columns = model.columns(reader, n)[:, order] / scale[None, :, None]
        model.w[reader.input[1]] = columns.reshape(a.shape).astype(np.float32)


def dummies(model, draw):
    """To every hidden layer, channels that nobody reads and pairs that cancel each other."""
    for maker, norm, reader in model.hidden():
        n, extra = channels_of(model, maker), 4
        for name in model.pieces(maker, norm):
            a = model.w[name]
            like = a[draw.integers(0, n, extra)]
            like[1::2] = like[::2]  # twins
            model.w[name] = np.concatenate([a, like])
        a = model.w[reader.input[1]]
        columns = model.columns(reader, n)
        more = draw.normal(0, columns.std(), (columns.shape[0], extra, columns.shape[2]))
        more[:, 1::2] = -more[:, ::2]  # what one of them adds, the other takes away
        more[:, :2] = 0  # these two do nothing at all
        joined = np.concatenate([columns, more], axis=1).astype(np.float32)
        shape = (a.shape[0], n + extra) + a.shape[2:] if a.ndim > 2 else (a.shape[0], -1)
        model.w[reader.input[1]] = joined.reshape(shape)


def behead(model, _):
    """The last class is cut off."""
    head = [node for node in model.graph.node if node.op_type == "Gemm"][-1]
    for name in head.input[1:]:
        model.w[name] = model.w[name][:-1]
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[-1].dim_value -= 1


def reexport(model, draw):
    """Other names, another order, dense layers as MatMul and Add, another opset."""
    for node in [node for node in model.graph.node if node.op_type == "Gemm"]:
        weights, bias = node.input[1], node.input[2]
        if not next((a.i for a in node.attribute if a.name == "transB"), 0):
            continue
        model.w[weights] = np.ascontiguousarray(model.w[weights].T)
        at = list(model.graph.node).index(node)
        middle = node.output[0] + "/product"
        pair = [
            helper.make_node("MatMul", [node.input[0], weights], [middle]),
            helper.make_node("Add", [middle, bias], [node.output[0]]),
        ]
        model.graph.node.remove(node)
        for k, fresh in enumerate(pair):
            model.graph.node.insert(at + k, fresh)
    names = {name: f"t{k}" for k, name in enumerate(draw.permutation(list(model.w)))}
    for node in model.graph.node:
        node.name = ""
        for k, name in enumerate(node.input):
            node.input[k] = names.get(name, name)
    model.w = dict(sorted(((names[name], a) for name, a in model.w.items()), key=lambda item: item[0]))
    del model.graph.initializer[:]
    model.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in model.w.items())
    model.proto = version_converter.convert_version(model.proto, 16)
    model.graph = model.proto.graph
    model.w = {i.name: numpy_helper.to_array(i).copy() for i in model.graph.initializer}


CHANGES = {
    "prune30": prune(0.3), "prune60": prune(0.6), "prune80": prune(0.8), "8-bit": quantise(8), "16-bit": halves,
    "folded": fold, "permuted": permute, "dummies": dummies, "beheaded": behead, "re-exported": reexport,
}  # fmt: skip

# ---- Collusions --------------------------------------------------------------------------------


def chosen(all_, draw):
    which = draw.integers(0, len(all_), all_[0].shape)
    return np.take_along_axis(np.stack(all_), which[None], axis=0)[0]


MIXES = {
    "mean": lambda all_, _: np.mean(all_, axis=0),
    "median": lambda all_, _: np.median(all_, axis=0),
    "min": lambda all_, _: np.min(all_, axis=0),
    "max": lambda all_, _: np.max(all_, axis=0),
    "random": chosen,
}


def mix(out, what, draw, paths):
    models = [Model(path) for path in paths]
    for name in models[0].w:
        if models[0].w[name].dtype == np.float32:
            models[0].w[name] = MIXES[what]([m.w[name] for m in models], draw).astype(np.float32)
    models[0].save(out)


# ---- Data --------------------------------------------------------------------------------------


def idx(path):
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rb") as f:
        raw = f.read()
    rank = raw[3]
    dims = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(dims)


def idx_write(path, a):
    with open(path, "wb") as f:
        f.write(struct.pack(f">BBBB{a.ndim}I", 0, 0, 8, a.ndim, *a.shape) + a.tobytes())


def subset(images, labels, share, seed, to_images, to_labels):
    x, y = idx(images), idx(labels)
    chosen_rows = np.random.default_rng(seed).permutation(len(x))[: int(len(x) * share)]
    idx_write(to_images, x[chosen_rows])
    idx_write(to_labels, y[chosen_rows])


def main():
    verb, arg = sys.argv[1], sys.argv[2:]
    if verb == "change":
        model = Model(arg[0])
        CHANGES[arg[2]](model, np.random.default_rng(int(arg[3]) if len(arg) > 3 else 1))
        model.save(arg[1])
    elif verb == "mix":
        mix(arg[0], arg[1], np.random.default_rng(int(arg[2])), arg[3:])
    elif verb == "subset":
        subset(arg[0], arg[1], float(arg[2]), int(arg[3]), arg[4], arg[5])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
