"""The engine on a data set that others made and models that others trained (Fashion-MNIST, PyTorch):
their accuracy is met to 0.02 points, and LeNet learns from random weights to 91 %. All of it by
hallmark-worker --local, the same code that runs behind the walls.

fashion.py WORKER MODELS"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "flows"))

from tap import run  # noqa: E402

WORKER, MODELS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
DATA = Path("/usr/share/datasets/fashion-mnist")
TRAIN = [DATA / "train-images-idx3-ubyte.gz", DATA / "train-labels-idx1-ubyte.gz"]
TEST = [DATA / "t10k-images-idx3-ubyte.gz", DATA / "t10k-labels-idx1-ubyte.gz"]
# As PyTorch measured them after it had trained them.
MEASURED = {"fashion-lenet": 0.9167, "fashion-densenet": 0.9303}
LEARN = {"initial": "he", "epochs": 20, "batch": 128, "rate": 0.05, "flip": True, "seed": 1, "threads": 2}


def worker(folder, kind, params, *files):
    """The result of a job, or the sentence with which it failed."""
    file = Path(folder) / "params.json"
    file.write_text(json.dumps(params))
    command = [WORKER, "--local", kind, file, *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-1000:])
    return json.loads(done.stdout)


def others_models(t):
    for name, wanted in MEASURED.items():
        with tempfile.TemporaryDirectory() as folder:
            got = worker(folder, "evaluate", {"threads": 2}, MODELS / f"{name}.onnx", *TEST)
        t.ok(abs(got["accuracy"] - wanted) <= 0.0002, f"{name}: {wanted}", f"got {got['accuracy']}")
        t.same(sum(map(sum, got["confusion"])), 10000, f"{name}: every sample is counted once")


def same_seed(t):
    params, ran = {**LEARN, "epochs": 1, "batch": 512}, []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            ran.append(worker(folder, "train", params, MODELS / "fashion-lenet.onnx", *TRAIN))
    t.same(ran[0], ran[1], "the same seed gives the same model and the same result, to the last bit")


def from_nothing(t):
    with tempfile.TemporaryDirectory() as folder:
        got = worker(folder, "train", LEARN, MODELS / "fashion-lenet.onnx", *TRAIN, *TEST)
        accuracy = got["test"]["accuracy"]
        for point in got["epochs"]:
            t.note(json.dumps(point))
        t.ok(accuracy >= 0.91, f"LeNet from random weights: {accuracy:.4f} on the test set", f"got {accuracy}")
        t.ok(got["epochs"][-1]["loss"] < 0.25, "its loss fell", str(got["epochs"][-1]))
        again = worker(folder, "evaluate", {}, "hallmark-worker.out", *TEST)
        t.same(again["correct"], got["test"]["correct"], "the model that was written answers alike")


if not DATA.is_dir():
    print(f"1..0 # SKIP {DATA} is not there: install dataset-fashion-mnist")
    sys.exit(0)
run(others_models, same_seed, from_nothing)
