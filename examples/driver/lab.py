#!/usr/bin/env python3
"""A driver as a laboratory writes one: a line of JSON in, a line of JSON out (docs/drivers.md).

    metaxbar driver check 'exec:python3 examples/driver/lab.py'

Here the cells are numbers in memory; in their place stand the calls of an instrument."""
import json, random, sys, time

CORES, ROWS, COLUMNS = 2, 256, 256
INPUT_BITS, OUTPUT_BITS = 8, 8
SIGMA = 0.01         # error of programming, in weight
CODE = 4.0           # steps x weight of one output code
start = time.monotonic()
regions, cells = [], []

def info(call):
    return dict(name="lab", cores=CORES, rows=ROWS, columns=COLUMNS, devices=2, g_max_uS=25.0,
                input_bits=INPUT_BITS, output_bits=OUTPUT_BITS, phases=1)

def place(call):
    regions[:] = call["regions"]
    cells[:] = [[0.0] * (r["rows"] * r["columns"]) for r in regions]
    return {}

def program(call):
    g, target = cells[call["region"]], call["target"]
    mask = call.get("mask", [1] * len(g))
    for k, wanted in enumerate(mask):
        while wanted:                      # program and verify
            g[k] = target[k] + random.gauss(0, SIGMA)
            wanted = abs(g[k] - target[k]) > call["tolerance"]
    return dict(reached=g, status=[0] * len(g), devices=2 * sum(mask))

def read(call):
    return dict(weight=cells[call["region"]])

def product(call):
    r, g, most = regions[call["region"]], cells[call["region"]], 2 ** (OUTPUT_BITS - 1)
    output = []
    for b in range(call["vectors"]):
        x = call["input"][b * r["rows"]:(b + 1) * r["rows"]]
        driven = [(i * r["columns"], v) for i, v in enumerate(x) if v]
        for o in range(r["columns"]):
            charge = sum(v * g[i + o] for i, v in driven)
            output.append(max(-most, min(most - 1, round(charge / CODE))))
    return dict(output=output)

def now(call):
    return dict(now_s=time.monotonic() - start)

def wait(call):
    time.sleep(max(0, call["until_s"] - (time.monotonic() - start)))
    return {}

def reset(call):
    return place(dict(regions=[]))

def fault(call):
    """What this chip cannot take."""
    most = 2 ** (INPUT_BITS - 1) - 1
    if "region" in call and call["region"] not in range(len(regions)): return f"no region {call['region']}"
    if any(abs(w) > 1 for w in call.get("target", [])): return "a target beyond 1"
    if any(abs(x) > most for x in call.get("input", [])): return f"an input beyond {most}"

for line in sys.stdin:
    call = json.loads(line)
    wrong = fault(call)
    answer = dict(error="argument", message=wrong) if wrong else globals()[call["call"]](call)
    print(json.dumps(answer), flush=True)
