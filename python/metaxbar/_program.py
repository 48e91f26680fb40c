"""Commands of the program `metaxbar`."""
from __future__ import annotations

import os
import signal
import sys
import threading
from typing import IO, TYPE_CHECKING, Callable, List, Optional, Sequence, Union

from ._errors import ArgumentError, ArgumentTypeError, FileError, ProgramError

if TYPE_CHECKING:
    import subprocess


def _find_program() -> str:
    import shutil
    named = os.environ.get("METAXBAR")
    program = named or shutil.which("metaxbar")
    if not program:
        raise FileError("metaxbar: the program is not installed in PATH; METAXBAR=FILE names it", "metaxbar")
    return program


def _show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _collect(stream: IO[str], output: List[str]) -> threading.Thread:
    """Read a stream to its end beside the other one."""
    thread = threading.Thread(target=lambda: output.append(stream.read()), daemon=True)
    thread.start()
    return thread


def _follow(stream: IO[str], progress: Optional[Callable[[str], None]]) -> str:
    """Report each line; the last one that begins with the name of the program, as the reason of a failure does, or
    else the last one that is not empty."""
    last, reason = "", ""
    for line in stream:
        last = line.strip() or last
        reason = last if line.startswith("metaxbar") else reason
        if progress:
            progress(line.rstrip("\n"))
    return reason or last


def _stop(process: subprocess.Popen[str], progress: Optional[Callable[[str], None]]) -> None:
    """Ask for an orderly end, and wait for it; whatever disturbs that, such as a second Ctrl-C, ends the program."""
    assert process.stderr
    try:
        process.send_signal(signal.SIGINT)
        _follow(process.stderr, progress)
        process.wait()
    except BaseException:
        process.kill()
        raise


def _words(command: Union[str, Sequence[str]], arguments: Sequence[str]) -> List[str]:
    """The words of a command, checked."""
    import shlex
    try:
        given = [*(shlex.split(command) if isinstance(command, str) else command), *arguments]
    except TypeError:
        raise ArgumentTypeError(f"run: command={command!r}: a text or a list of words is needed") from None
    except ValueError as error:
        raise ArgumentError(f"run: command={command!r}: {error}") from None
    for word in given:
        if not isinstance(word, str):
            raise ArgumentTypeError(f"run: command: {word!r} in place of a text")
        if "\0" in word:
            raise ArgumentError(f"run: command: {word!r}: a text with the character 0")
    if not given:
        raise ArgumentError(f"run: command={command!r}: has no words; run('--help') lists the commands")
    return given


def run(command: Union[str, Sequence[str]], *arguments: str, progress: Optional[Callable[[str], None]] = _show) -> str:
    """Run a command of the program `metaxbar` and return what it prints.

        run("train fewshot --run runs/mine", "data.kind=builtin", "train.iterations=300")
        accuracy = json.loads(run("eval fewshot --json --model runs/mine/model.safetensors"))

    The library has no training; this starts the installed program, METAXBAR or the one in PATH, as a process of its
    own. command: words as in a shell, or a list of them; arguments: further words, taken as they are. progress: called
    with each line of notes and progress that the program writes to stderr (a training reports every ten seconds); None
    drops them. Ctrl-C stops the program as it does in a terminal: a training writes a checkpoint, which
    --resume continues; KeyboardInterrupt follows once it has ended.

    Raises ProgramError with the line that the program reports if it fails.
    """
    import subprocess  # 10 ms that the import of this package is spared
    words = _words(command, arguments)
    if progress is not None and not callable(progress):
        raise ArgumentTypeError(f"run: progress={progress!r}: a function of one line or None is needed")
    program = _find_program()
    try:
        process = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace",
                                   start_new_session=True)  # a terminal would signal it a second time
    except OSError as error:
        raise FileError(f"{program}: {error.strerror}", program) from None
    assert process.stdout and process.stderr
    output: List[str] = []
    with process:
        reader = _collect(process.stdout, output)
        try:
            last = _follow(process.stderr, progress)
            process.wait()
        except BaseException:
            _stop(process, progress)
            raise
        reader.join()
    if process.returncode:
        if process.returncode == 2 and not last.startswith("metaxbar"):  # nothing but how the command is used
            last = f"metaxbar {' '.join(words)}: words are missing; run('{words[0]} --help') lists them"
        raise ProgramError(last or f"metaxbar: exit status {process.returncode}", process.returncode)
    return output[0]
