"""Models and data sets that nobody should trust, byte by byte, without ONNX's own library: each is
(name, bytes, what is expected). Expected is None if the file is in order, else a word of the
sentence with which it is refused, which may be empty."""

import gzip
import io
import random
import struct
import zipfile

FLOAT, INT8, INT64 = 1, 3, 7

# ---- Protocol buffers ---------------------------------------------------------------------------


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n)


def part(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, dims, raw, kind=FLOAT, more=b""):
    return b"".join(number(1, d) for d in dims) + number(2, kind) + part(8, name) + part(9, raw) + more


def node(op, inputs, outputs, *attributes):
    return (
        b"".join(part(1, name) for name in inputs)
        + b"".join(part(2, name) for name in outputs)
        + part(4, op)
        + b"".join(part(5, a) for a in attributes)
    )


def whole(name, n):
    return part(1, name) + number(3, n) + number(20, 2)


def value(name, *dims, kind=FLOAT):
    shape = b"".join(part(1, number(1, d) if isinstance(d, int) else part(2, d)) for d in dims)
    return part(1, name) + part(2, part(1, number(1, kind) + part(2, shape)))


def model(nodes, tensors, inputs=None, outputs=None, opset=13):
    inputs = inputs or [value("x", "N", 1, 28, 28)]
    outputs = outputs or [value("y", "N", 10)]
    graph = (
        b"".join(part(1, n) for n in nodes)
        + part(2, "g")
        + b"".join(part(5, t) for t in tensors)
        + b"".join(part(11, v) for v in inputs)
        + b"".join(part(12, v) for v in outputs)
    )
    return number(1, 8) + part(2, "a test") + part(7, graph) + part(8, part(1, "") + number(2, opset))


def floats(n, seed=1, at=None, what=0.0):
    rng = random.Random(seed)
    v = [rng.gauss(0, 0.05) for _ in range(n)]
    if at is not None:
        v[at] = what
    return struct.pack(f"<{n}f", *v)


def dense(classes=10, raw=None, name="weight", kind=FLOAT, dims=None, more=(), before=()):
    """Flatten, then one matrix."""
    dims = dims or (784, classes)
    raw = floats(784 * classes) if raw is None else raw
    return model(
        [node("Flatten", ["x"], ["f"]), *before, node("MatMul", ["f", "w" if before else name], ["y"]), *more],
        [tensor(name, dims, raw, kind)],
        outputs=[value("y", "N", classes)],
    )


def deep(levels):
    data = b""
    for _ in range(levels):
        data = part(7, data) if len(data) < 1 << 20 else data
    return number(1, 8) + data


def chain(n):
    """n operators, one after the other."""
    nodes = [node("Relu", [f"v{i}" if i else "x"], [f"v{i + 1}" if i + 1 < n else "y"]) for i in range(n)]
    return model(nodes, [], outputs=[value("y", "N", 1, 28, 28)])


def grown(op, inputs, tensors):
    """A small file whose values would be large."""
    return model([node(op, inputs, ["y"])], tensors, outputs=[value("y", "N", "M")])


def models():
    good = dense()
    nan = floats(7840, at=4321, what=float("nan"))
    ints = bytes(random.Random(2).randrange(256) for _ in range(7840))
    wide = struct.pack("<4q", 1 << 20, 1 << 10, 1 << 10, 1)
    return [
        ("a model", good, None),
        ("no softmax at the end, one class", dense(1), None),
        ("weights of int8, cast", dense(raw=ints, kind=INT8, before=[
            node("Cast", ["weight"], ["w"], whole("to", FLOAT))]), None),
        ("cut in the middle", good[: len(good) // 2], ""),
        ("cut by one byte", good[:-1], ""),
        ("a byte more", good + b"\0", ""),
        ("noise", random.Random(3).randbytes(100_000), ""),
        ("zeros", bytes(100_000), ""),
        ("text", b"import torch\n" * 1000, ""),
        ("NaN among the weights", dense(raw=nan), "tensor weight"),
        ("a tensor without elements", dense(raw=b"", dims=(0, 10)), ""),
        ("a tensor larger than the file", dense(raw=b"1234", dims=(1 << 20, 1 << 20)), ""),
        ("dimensions that overflow", dense(raw=b"1234", dims=(1 << 40, 1 << 40)), ""),
        ("a negative dimension", dense(dims=(-784, 10)), ""),
        ("half a tensor", dense(raw=floats(3920)), ""),
        ("messages in messages in messages", deep(20_000), ""),
        ("lengths beyond the end", number(1, 8) + varint(7 << 3 | 2) + varint(1 << 62) + b"x", ""),
        ("a million operators", chain(1_000_000), ""),
        ("an unknown operator", model([node("Frobnicate", ["x"], ["y"])], []), "Frobnicate"),
        ("an operator of somebody else's", model([node("Relu", ["x"], ["y"]) + part(7, "com.evil")], []), ""),
        ("a circle", model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]),
                            node("Relu", ["b"], ["y"])], []), ""),
        ("an input from nowhere", model([node("Relu", ["z"], ["y"])], []), ""),
        ("nothing at all in the graph", model([], []), ""),
        ("a name that breaks a terminal", dense(name="\x1b[2J\x1b]0;x\x07"), ""),
        ("a long name of many alphabets", dense(raw=nan, name="ä€😀" * 100), ""),
        ("data in another file", model([node("Flatten", ["x"], ["y"])], [
            number(1, 784) + number(2, FLOAT) + part(8, "w") + number(14, 1)
            + part(13, part(1, "location") + part(2, "/etc/passwd"))]), ""),
        ("tiles without end", grown("Tile", ["x", "r"], [tensor("r", [4], wide, INT64)]), ""),
        ("a shape without end", grown("Expand", ["x", "r"], [tensor("r", [4], wide, INT64)]), ""),
        ("a constant without end", grown("ConstantOfShape", ["r"], [tensor("r", [4], wide, INT64)]), ""),
        ("a tar with a link", tar_link(), ""),
        ("a tar that is cut", tar_of("m.onnx", good)[:1000], ""),
    ]  # fmt: skip


def tar_head(name, size, kind=b"0", link=""):
    head = bytearray(512)
    head[0 : len(name)] = name.encode()
    head[100:108] = b"0000644\0"
    head[124:136] = b"%011o\0" % size
    head[156:157] = kind
    head[157 : 157 + len(link)] = link.encode()
    head[257:265] = b"ustar\x0000"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def tar_of(name, data):
    return tar_head(name, len(data)) + data + bytes(-len(data) % 512 + 1024)


def tar_link():
    return tar_head("m.onnx", 0, b"2", "/etc/passwd") + bytes(1024)


# ---- Data sets ------------------------------------------------------------------------------------


def idx(dims, body, kind=8):
    return bytes([0, 0, kind, len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + body


def npy(descr, shape, body):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(10 + len(head) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def npz(**arrays):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in arrays.items():
            z.writestr(name + ".npy", data)
    return out.getvalue()


def datasets():
    """(name, samples, labels or None, what is expected)."""
    images = idx((20, 28, 28), bytes(20 * 784))
    labels = idx((20,), bytes(i % 10 for i in range(20)))
    nan = struct.pack("<40f", *[0.5] * 17, float("nan"), *[0.5] * 22)
    body = struct.pack("<40f", *[0.5] * 40)
    bomb = 1 << 28
    return [
        ("images and labels", images, labels, None),
        ("one class", images, idx((20,), bytes(20)), None),
        ("images without labels", images, None, None),
        ("an archive with both", npz(x=npy("<f4", "(10, 4)", body), y=npy("<i8", "(10,)", bytes(80))), None, None),
        ("a gzip file a thousand times larger inside",
         gzip.compress(idx((bomb >> 12, 64, 64), bytes(bomb)), 9), None, None),
        ("NaN among the samples", npy("<f4", "(10, 4)", nan), None, ""),
        ("cut samples", images[:-1], labels, ""),
        ("samples and something", images + b"x", labels, ""),
        ("cut labels", images, labels[:-3], ""),
        ("more labels than samples", images, idx((21,), bytes(21)), "21 labels"),
        ("a negative label", images, npy("<i4", "(20,)", struct.pack("<20i", *[-1] * 20)), ""),
        ("a label of a billion", images, npy("<i4", "(20,)", struct.pack("<20i", *[10**9] * 20)), ""),
        ("labels that are fractions", images, npy("<f4", "(20,)", bytes(80)), ""),
        ("no samples", idx((0, 28, 28), b""), idx((0,), b""), ""),
        ("samples of nothing", idx((20, 0, 28), b""), None, ""),
        ("a claim beyond the file", idx((1 << 30, 1 << 10, 1 << 10), b"x"), None, ""),
        ("a claim beyond all numbers", npy("<f8", f"({1 << 62}, {1 << 62})", b"x"), None, ""),
        ("Python's own objects", npy("|O", "(10, 4)", b"\x80\x04\x8c\x02os\x94."), None, ""),
        ("a program for a header", npy("<f4", "__import__('os').system('id')", body), None, ""),
        ("a gzip file that is cut", gzip.compress(images)[:-9], labels, ""),
        ("a gzip file with a wrong checksum", gzip.compress(images)[:-8] + bytes(8), labels, ""),
        ("an archive in pieces", npz(x=npy("<f4", "(10, 4)", body))[:-40], None, ""),
        ("an archive of nothing", npz(), None, ""),
        ("text", b"1,2,3\n" * 100, None, ""),
        ("noise", random.Random(4).randbytes(50_000), None, ""),
    ]  # fmt: skip
