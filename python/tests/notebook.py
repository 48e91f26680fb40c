"""Run a notebook: it must not fail and must print what it has kept. --write keeps what it prints and draws now.

    python3 notebook.py [--write] FILE.ipynb
"""
import sys

import nbformat
from nbclient import NotebookClient


def printed(notebook):
    """What each cell prints to standard output."""
    return ["".join(o.text for o in cell.get("outputs", []) if o.output_type == "stream" and o.name == "stdout")
            for cell in notebook.cells]


def main(path, write):
    notebook = nbformat.read(path, as_version=4)
    kept = printed(notebook)
    NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False).execute()  # raises what cells do
    if write:
        notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
        nbformat.write(notebook, path)
        return 0
    differing = [(k, old, new) for k, (old, new) in enumerate(zip(kept, printed(notebook))) if old != new]
    for k, old, new in differing:
        print(f"FAIL {path}, cell {k}: prints\n{new}in place of\n{old}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1], "--write" in sys.argv))
