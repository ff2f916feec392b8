"""An ONNX model of any size, written piece by piece: fully connected layers of random weights, a
Relu after each, and a last layer that tells ten classes apart. No library is needed for that."""

import random

FLOAT, INT64 = 1, 7


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    data = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(data)) + data


def head(number, size):
    return varint(number << 3 | 2) + varint(size)


def tensor_head(name, dims):
    """A TensorProto up to the raw data, which must follow."""
    count = 4
    for dim in dims:
        count *= dim
    return b"".join(field(1, dim) for dim in dims) + field(2, FLOAT) + field(8, name) + head(9, count), count


def value(name, *dims):
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def node(op, inputs, output):
    return b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, output) + field(4, op)


def write(to, width, layers, seed=1):
    """Writes the model to a file object; its weights take 4 * width² bytes a layer."""
    source = random.Random(seed)
    nodes, tensors, at = [], [], "input"
    for i in range(layers):
        wide = 10 if i == layers - 1 else width
        tensors.append((f"w{i}", (width, wide)))
        nodes.append(field(1, node("MatMul", (at, f"w{i}"), f"m{i}")))
        at = f"m{i}"
        if i < layers - 1:
            nodes.append(field(1, node("Relu", (at,), f"r{i}")))
            at = f"r{i}"
    tail = field(2, "big") + field(11, value("input", "N", width)) + field(12, value(at, "N", 10))
    heads = [(tensor_head(name, dims), name, dims) for name, dims in tensors]
    size = sum(map(len, nodes)) + len(tail)
    for (start, count), _, _ in heads:
        size += len(head(5, len(start) + count)) + len(start) + count
    to.write(field(1, 8) + field(2, "hallmark-bench") + field(8, field(1, "") + field(2, 13)))
    to.write(head(7, size) + b"".join(nodes))
    for (start, count), _, _ in heads:
        to.write(head(5, len(start) + count) + start)
        for begin in range(0, count, 1 << 22):
            to.write(weights(source, min(1 << 22, count - begin) // 4))
    to.write(tail)


def weights(source, n):
    """n floats in ±0.016, no two alike but by chance: sign and mantissa random, one exponent."""
    raw = bytearray(source.randbytes(4 * n))
    raw[3::4] = bytes(b & 0x80 | 0x3C for b in raw[3::4])
    raw[2::4] = bytes(b & 0x7F for b in raw[2::4])
    return bytes(raw)


if __name__ == "__main__":
    import sys

    with open(sys.argv[1], "wb") as out:
        write(out, int(sys.argv[2]), int(sys.argv[3]))
