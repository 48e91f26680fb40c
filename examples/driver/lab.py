#!/usr/bin/env python3
"""A driver as a laboratory writes one: a line of JSON in, a line of JSON out (docs/drivers.md).

    metaxbar driver check 'exec:python3 examples/driver/lab.py'

Here the cells are numbers in memory; in their place stand the calls of an instrument."""
import json, random, sys, time

ROWS, COLUMNS, INPUT_BITS, OUTPUT_BITS = 256, 256, 8, 8
SIGMA, PULSES = 0.01, 50   # error of a pulse, in weight; pulses before a cell is given up
CODE = 4.0                 # steps x weight of one output code
start, regions, cells = time.monotonic(), [], []

def info(call):
    return dict(name="lab", cores=2, rows=ROWS, columns=COLUMNS, devices=2, g_max_uS=25.0,
                input_bits=INPUT_BITS, output_bits=OUTPUT_BITS, phases=1)

def place(call):
    regions[:] = call["regions"]
    cells[:] = [[0.0] * (r["rows"] * r["columns"]) for r in regions]
    return {}

def program(call):
    g, target = cells[call["region"]], call["target"]
    mask, status = call.get("mask", [1] * len(g)), [0] * len(g)
    for k in (k for k, wanted in enumerate(mask) if wanted):
        for pulse in range(PULSES):                         # program and verify
            g[k] = target[k] + random.gauss(0, SIGMA)
            status[k] = int(abs(g[k] - target[k]) > call["tolerance"])  # 1: missed
            if not status[k]: break
    return dict(reached=g, status=status, devices=2 * sum(mask))

def read(call): return dict(weight=cells[call["region"]])

def product(call):
    r, g, most, output = regions[call["region"]], cells[call["region"]], 2 ** (OUTPUT_BITS - 1), []
    for b in range(call["vectors"]):
        x = call["input"][b * r["rows"]:(b + 1) * r["rows"]]
        driven = [(i * r["columns"], v) for i, v in enumerate(x) if v]
        for o in range(r["columns"]):
            charge = sum(v * g[i + o] for i, v in driven)
            output.append(max(-most, min(most - 1, round(charge / CODE))))
    return dict(output=output)

def now(call): return dict(now_s=time.monotonic() - start)
def wait(call): return time.sleep(max(0, call["until_s"] - (time.monotonic() - start))) or {}
def reset(call): return place(dict(regions=[]))

def fault(call):
    """What this chip cannot take."""
    most = 2 ** (INPUT_BITS - 1) - 1
    if "region" in call and call["region"] not in range(len(regions)): return f"no region {call['region']}"
    if any(abs(w) > 1 for w in call.get("target", [])): return "a target beyond 1"
    if any(abs(x) > most for x in call.get("input", [])): return f"an input beyond {most}"

for line in sys.stdin:
    call = json.loads(line)
    wrong = fault(call)
    print(json.dumps(dict(error="argument", message=wrong) if wrong else globals()[call["call"]](call)), flush=True)
