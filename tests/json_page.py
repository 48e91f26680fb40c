# json_page.py BUILD: docs/json_output.md names every key that --json prints, and no other. Run by test_examples.sh json
# in the root of the checkout.
#
# Of a page of tables "| key | unit | meaning |": a.b is key b of the object a, a[] each item of a list, * any name. The
# unit "[text](#section)" stands for all keys of that section.
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

program = os.path.abspath(os.path.join(sys.argv[1], "metaxbar"))
here = tempfile.TemporaryDirectory(prefix="metaxbar_test_")
failures = []


def read_page(path):
    sections, section = {}, None
    for line in open(path, encoding="utf-8"):
        if line.startswith("## "):
            section = sections.setdefault(line[3:].strip().replace(" ", "-"), {})
        row = re.match(r"\| \*?`([^`]+)`\*? \| (.*?) \|", line)
        if row and section is not None:
            link = re.match(r"\[[^]]*\]\(#([a-z-]+)\)$", row.group(2))
            section[row.group(1)] = link.group(1) if link else None
    return sections


def paths(value, path=""):
    """Every key of a value, as the page writes it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield path + "[]"
        for inner in value:
            yield from paths(inner, path + "[]")
    else:
        yield path


def row_of(path, section, found):
    """Whether a section has this key; the rows that name it are put into found."""
    for key, link in sections[section].items():
        pattern = "".join(".+" if part == "*" else re.escape(part) for part in re.split(r"(\*)", key))
        if re.fullmatch(pattern, path):
            found.add((section, key))
            return True
        inner = link and re.match(pattern + r"\.(.*)", path)
        if inner and row_of(inner.group(1), link, found):
            found.add((section, key))
            return True
        if key.startswith(path) and path.endswith("[]"):  # a list whose items have rows of their own
            return True
        if link and re.fullmatch(pattern, path + "[]"):
            return True
    return False


def run(*words):
    done = subprocess.run([program, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"FAIL metaxbar {' '.join(words)}: {done.stderr}")
    return done.stdout


def check(section, *words):
    for path in paths(json.loads(run(*words, "--json"))):
        if path and not row_of(path, section, found):
            failures.append(f"metaxbar {' '.join(words)}: '{path}' is not in section '{section}'")


def file(name):
    return os.path.join(here.name, name)


def png(name, colour):
    os.makedirs(os.path.dirname(file(name)), exist_ok=True)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(colour) * 8) * 4 + (b"\0" + bytes(3) * 8) * 4
    with open(file(name), "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) +
                  chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


sections, found = read_page("docs/json_output.md"), set()
builtin, sine = "models/builtin-5w5s.safetensors", "models/sine.safetensors"
small = ["data.kind=builtin", "data.classes=20", "data.evaluation_classes=10", "eval.tasks=2"]
chip, arm = ["synapse.kind=chip"], ["--model", "models/arm-chip.safetensors"]
few = ["tradeoff.levels=4", "tradeoff.thresholds=0.1"]

run("train", "fewshot", "--run", file("all"), "data.kind=builtin", "data.classes=20", "net.channels=4", "net.blocks=2",
    "train.adapt=all", "train.iterations=1", "train.tasks=1", "train.validate_tasks=0", "--quiet")
every_layer = ["--model", file("all/model.safetensors"), *small, *chip]
check("eval-fewshot", "eval", "fewshot", "--model", builtin, *small, "eval.per_task=yes", "synapse.kind=quantised")
check("eval-fewshot", "eval", "fewshot", "--model", builtin, *small, "eval.queries_per_class=8,7,0,0,0", "eval.views=2")
check("eval-fewshot", "eval", "fewshot", *every_layer, "eval.later_s=60", "ledger.pulse_energy_J=1e-12")
check("eval-fewshot", "eval", "fewshot", "--model", "models/omniglot-any.safetensors", *small, *chip, "eval.ways=5")
check("eval-fewshot", "eval", "fewshot", "--model", "models/omniglot-any.safetensors", *small, *chip, "eval.ways=8",
      "eval.method=incremental", "eval.batchnorm=chip", "eval.statistics_images=20")
check("eval-fewshot", "eval", "fewshot", "--model", builtin, *small, *chip, "eval.ways=8", "eval.method=incremental",
      "eval.batchnorm=chip", "eval.statistics_images=20", "eval.base_shots=2", "data.test_images=5")
check("chip-map", "chip", "map", *every_layer[:5])

png("images/train/a/1.png", (200, 90, 30))
png("images/train/b/1.png", (200, 90, 30))
png("images/train/b/2.png", (90, 90, 90))
for k in range(12):
    png(f"images/test/{k}/1.png", (20 * k, 250 - 20 * k, 40))
    png(f"images/test/{k}/2.png", (20 * k, 5, 250 - 20 * k))
open(file("images/notes.txt"), "w").close()
folder = ["data.kind=folder", f"data.path={file('images')}"]
check("data-info", "data", "info", *folder)
check("data-info", "data", "info", *folder, "data.channels=3")
check("data-info", "data", "info", "data.kind=builtin", "data.classes=10", "data.test_images=5")
check("eval-fewshot", "eval", "fewshot", "--model", builtin, *folder, "eval.shots=1", "eval.queries=1", "eval.tasks=2")

taught = ["--model", builtin, "--state", file("taught")]
check("learn", "learn", "--model", builtin, "--support", file("images/test"), "--out", file("taught"), *chip)
check("classify", "classify", *taught, file("images/test"))
check("learn", "learn", "--model", builtin, "--support", file("images/test"), "--out", file("taught"), "learn.views=2")
check("classify", "classify", *taught, file("images/test"))

check("eval-arm", "eval", "arm", *arm, "eval.trajectories=2", "synapse.kind=quantised")
check("eval-arm", "eval", "arm", *arm, "eval.trajectories=10", "trajectory.family=mixed")
check("eval-arm", "eval", "arm", *arm, "target.file=examples/paths/letter.csv")
check("eval-arm", "eval", "arm", *arm, "eval.trajectories=2", *chip, "ledger.pulse_energy_J=1e-12")
check("arm", "arm", *arm)
with open(file("sweep.ini"), "w") as out:
    out.write("[sweep]\nexperiment = sine\nseeds = 1, 2\n[train]\ninner_rate = 0.01, 100\ntasks = 2\n")
check("sweep", "sweep", file("sweep.ini"), "--run", file("sweep"), "--quiet", "train.rate=0.01, 1",
      "train.iterations=300", "train.validate_tasks=0", "eval.tasks=2")
check("chip-tradeoff", "chip", "tradeoff", *arm, "eval.trajectories=2", *few)
check("chip-tradeoff", "chip", "tradeoff", "--model", builtin, *small, *few)
check("chip-tradeoff", "chip", "tradeoff", "--model", sine, "eval.tasks=2", *few)
check("chip-alternatives", "chip", "alternatives", *every_layer[:-1])

check("eval-sine", "eval", "sine", "--model", sine, "eval.tasks=4", *chip)
run("eval", "sine", "--model", sine, "eval.tasks=4", "--scores", file("exact.json"))
run("eval", "sine", "--model", sine, "eval.tasks=4", "--scores", file("chip.json"), *chip)
check("compare", "compare", file("exact.json"), file("chip.json"))
check("chip-program", "chip", "program", "--model", sine, "chip.programming=verify", "ledger.pulse_energy_J=1e-12")
run("chip", "export", "--model", sine, "--out", file("state.safetensors"))
check("chip-program", "chip", "import", file("state.safetensors"), "--model", sine)
check("chip-drift", "chip", "drift", "--model", sine)
check("model-info", "model", "info", "--model", sine)
check("device", "device", "device.points=2")
simulator = os.path.join(os.path.abspath(sys.argv[1]), "simulator.so")
check("device-with-a-driver", "device", "--driver", f"{simulator}:chip.preset=hermes chip.cores=1", "--times",
      "300,3000", "measure.points=3", "measure.cells=64")
check("driver-check", "driver", "check", f"{simulator}:chip.preset=hermes chip.cores=1", "driver.tolerance=0.1")
check("bench", "bench", "chip")

failures += [f"docs/json_output.md: nothing prints '{key}' of section '{name}'"
             for name, rows in sections.items() for key in rows if (name, key) not in found]
for line in failures:
    print("FAIL", line)
here.cleanup()
sys.exit(bool(failures))
