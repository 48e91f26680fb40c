"""nir_run.py TOLERANCE MODEL.nir DATA.npz ...: does each graph of NIR compute `output` (T, n) of DATA from its `input`?

The nodes are computed here with NumPy alone, in steps of the graph's dt, with inputs that are constant within a step. A
cycle without a Delay takes a step. A graph that is an approximation must say how far its output is from `exact`. Exit
77: no module h5py."""
import sys

import numpy as np

try:
    import h5py
except ImportError:
    print("SKIP no Python module h5py (python3-h5py)")
    sys.exit(77)


class Graph:
    def __init__(self, path):
        with h5py.File(path) as file:
            assert file["node/type"][()] == b"NIRGraph" and file["version"][()] == b"1.0"
            self.nodes = {name: {k: v[()] for k, v in node.items()} for name, node in file["node/nodes"].items()}
            self.edges = [(a.decode(), b.decode()) for a, b in file["node/edges"][()]]
            self.metadata = {k: v[()] for k, v in file["node/metadata"].items()}
        self.dt = self.metadata["dt"]
        self.last, self.v, self.line = {}, {}, {}

    def leak(self, name, node, x):
        decay = np.exp(-self.dt / node["tau"].astype(float))
        v = self.v.get(name, 0)
        return decay * v + (1 - decay) * (node["v_leak"] + node["r"] * x)

    def compute(self, name, node, x):
        kind = node["type"].decode()
        if kind in ("Input", "Output"):
            assert list(np.shape(x)) == list(node["shape"])
            return x
        if kind == "Linear":
            return node["weight"].astype(float) @ x
        if kind == "Scale":
            return node["scale"] * x
        if kind == "Threshold":
            return (x > node["threshold"]).astype(float)
        v = self.leak(name, node, x)
        if kind == "LI":
            self.v[name] = v
            return v
        assert kind == "LIF", kind
        z = v > node["v_threshold"]
        self.v[name] = np.where(z, node["v_reset"], v)
        return z.astype(float)

    def value(self, name):
        """Of this step; of the step before where a cycle comes back to a node."""
        if name in self.now:
            return self.now[name]
        node = self.nodes[name]
        if name in self.begun:
            return self.last.get(name, 0.0)
        self.begun.add(name)
        if node["type"] == b"Delay":
            self.now[name] = self.line.get(name, np.zeros(len(node["delay"])))
            return self.now[name]
        sources = [a for a, b in self.edges if b == name]
        x = self.x if node["type"] == b"Input" else sum(self.value(a) for a in sources)
        if np.ndim(x) == 0:
            x = np.zeros(node["weight"].shape[1]) + x
        self.now[name] = self.compute(name, node, x)
        return self.now[name]

    def step(self, x):
        self.x, self.now, self.begun = x, {}, set()
        y = self.value("output")
        delays = [(name, node) for name, node in self.nodes.items() if node["type"] == b"Delay"]
        assert all(np.allclose(node["delay"], self.dt) for _, node in delays)
        sources = {b: a for a, b in self.edges}
        self.line = {name: self.value(sources[name]) for name, _ in delays}
        self.last = dict(self.now)
        return y


def rms(x):
    return np.sqrt(np.mean(x**2))


failed = False
for path, data in zip(sys.argv[2::2], sys.argv[3::2]):
    graph, arrays = Graph(path), np.load(data)
    found = np.array([graph.step(x) for x in arrays["input"].astype(float)])
    error = rms(found - arrays["output"]) / rms(arrays["output"])
    print(f"{path}: {len(found)} steps, {len(graph.nodes)} nodes, difference {error:.1e}", end="")
    if "relative_difference" in graph.metadata:
        stated = graph.metadata["relative_difference"]
        measured = rms(found - arrays["exact"]) / rms(arrays["exact"])
        print(f"; from the exact network {measured:.4f}, stated {stated:.4f}", end="")
        failed |= not abs(measured - stated) < 1e-3 * stated
    print()
    failed |= not error < float(sys.argv[1])
sys.exit(failed)
