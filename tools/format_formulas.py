#!/usr/bin/env python3
"""format_formulas.py [--fix] FILE...: C sources have the spaces and the indentation of clang-format, except where the
author says by them what it cannot know: spaces around * / % (2*n + 1), several spaces that align columns, and the places
where a long statement is broken. Prints the lines that differ and ends with 1; --fix corrects them."""
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile


def formatted(sources):
    """What clang-format makes of the sources, which are in C: class and new are names there, but keywords to it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(".clang-format", folder)
        names = [os.path.join(folder, f"{k}.c") for k in range(len(sources))]
        for name, source in zip(names, sources):
            with open(name, "w") as out:
                out.write(re.sub(r"\b(clas|ne)[sw]\b", r"\1_", source))
        subprocess.run(["clang-format", "-i"] + names, check=True)
        return [open(name).read() for name in names]


def tokens(source):
    """The characters that are not blank, each with the blanks before it; a backslash at the end of a line is blank."""
    return re.findall(r"((?:\s|\\\n)*)(\S|\Z)", source)


def corrected(source, model):
    """The source with the blanks of the model where the author has no choice."""
    ours, theirs = tokens(source), tokens(model)
    assert len(ours) == len(theirs), "clang-format changed more than blanks"
    out, last = [], ""
    for (blanks, c), (wanted, _) in zip(ours, theirs):
        breaks = ("\n" in blanks) + ("\n" in wanted)
        if breaks == 2:
            change = "\\" not in blanks and c not in tuple("?:") and (last in ";{}" or not c)  # a statement begins
        else:
            change = not breaks and bool(blanks) != bool(wanted) and not {last, c} & set("*/%")
        out += [wanted if change else blanks, c]
        last = c
    return "".join(out)


fix = sys.argv[1] == "--fix"
names = sys.argv[1 + fix:]
sources = [open(name).read() for name in names]
bad = False
for name, source, model in zip(names, sources, formatted(sources)):
    result = corrected(source, model)
    if result == source:
        continue
    if fix:
        with open(name, "w") as out:
            out.write(result)
    else:
        bad = True
        lines = difflib.unified_diff(source.splitlines(True), result.splitlines(True), name, "clang-format", n=0)
        sys.stdout.writelines(lines)
sys.exit(bad)
