"""Two builds of the program, for example for different processors, on the same short commands.

    cmake --preset packages && cmake --build build-packages --target metaxbar      # x86-64-v3: AVX2
    python3 bench/two_builds.py build-packages/metaxbar build/metaxbar [ROUNDS]

Processor time of one thread, with the start of the program, since other work of the machine delays the rest; the builds
take turns. Prints for each command the median of both and the ratios of the medians and of the shortest times: above 1
the second build is faster.
"""
import resource
import statistics
import subprocess
import sys
import tempfile

TRAIN = "train.iterations={} train.log_every=1000 train.validate_every=1000"
COMMANDS = {
    "training, classifier": "train fewshot data.kind=builtin train.tasks=8 train.validate_tasks=0 " + TRAIN.format(15),
    "training, 256 channels": "train fewshot data.kind=builtin net.channels=256 net.hidden=256 net.bias=digital "
                              "train.tasks=1 train.validate_tasks=0 " + TRAIN.format(4),
    "training, arm": "train arm train.trajectories=18 " + TRAIN.format(4),
    "training, sine": "train sine " + TRAIN.format(2000),
    "chip, classifier": "eval fewshot --model models/builtin-5w5s.safetensors data.kind=builtin eval.tasks=10 "
                        "eval.chips=1 synapse.kind=chip",
    "chip, arm": "eval arm --model models/arm.safetensors eval.trajectories=20 eval.chips=1 synapse.kind=chip",
}


def processor_s(program, command):
    with tempfile.TemporaryDirectory() as folder:
        words = [program, *command.split(), "run.threads=1"]
        words += ["--run", folder + "/run"] if words[1] == "train" else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main(first, second, rounds=5):
    for name, command in COMMANDS.items():
        times = [(processor_s(first, command), processor_s(second, command)) for _ in range(int(rounds))]
        a, b = zip(*times)
        print(f"{name:24} {statistics.median(a):7.3f} s {statistics.median(b):7.3f} s   median "
              f"{statistics.median(a) / statistics.median(b):.3f}   shortest {min(a) / min(b):.3f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
