"""Files of safetensors with NumPy alone: 8 bytes for the length of the header (little endian), a JSON header of names,
types, shapes and offsets, with texts in __metadata__, then the data (docs/file_formats.md)."""
import json
import struct

import numpy as np

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8"}


def save(path, arrays, metadata):
    """Every array as float32."""
    header, data = {"__metadata__": metadata}, b""
    for name, value in arrays.items():
        raw = np.asarray(value, "<f4", order="C").tobytes()
        header[name] = {"dtype": "F32", "shape": np.shape(value), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    """Arrays by name."""
    with open(path, "rb") as file:
        raw = file.read()
    begin = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:begin])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(raw[begin:][slice(*t["data_offsets"])], TYPES[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items()}
