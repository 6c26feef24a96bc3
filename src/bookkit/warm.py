"""Run a command whose pages start from a process that has imported the libraries already.

To import torch, transformers, scanpy and what they need takes longer than many pages compute.
``python -m bookkit.warm COMMAND`` imports them once; a page that COMMAND runs then starts as a copy
(fork) of that process. Our own code is not among what is imported, so that it is never old.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

SOCKET = "HELPERS_WARM"
"""Variable with the path of the socket at which kernels are asked for."""

LIBRARIES = (
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "rdata",
    "scanpy",
    "scipy.stats",
    "sklearn.metrics",
    "torch",
    "transformers.models.bert.modeling_bert",
    "xarray",
)
"""Those that take longest, but none that starts a thread of its own, which a copy would lack."""

HARMLESS = ("HELPERS_", "JPY_", "LOKY_", "OLDPWD", "PWD", "PYTEST_", "SHLVL", "SLURM_", "_")
"""How the names of variables begin that no library reads when it is imported."""

OURS = ("bookkit", "helpers", "papers")

_WITH_THREADS = ("GOTO", "MKL", "NUMBA", "NUMEXPR", "OMP", "OPENBLAS")
THREADS = (*(f"{name}_NUM_THREADS" for name in _WITH_THREADS), "VECLIB_MAXIMUM_THREADS")
TEMPORARY = ("TEMP", "TEMPDIR", "TMP", "TMPDIR")
INLINE = "module://matplotlib_inline.backend_inline"
"""Backend of figures in a kernel unless the environment names one."""


def _read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a library may read when it is imported."""
    free = (*HARMLESS, "MPLBACKEND")
    usual = dict.fromkeys(TEMPORARY, tempfile.gettempdir())  # Snakemake names it, for instance
    return usual | {name: value for name, value in environment.items() if not name.startswith(free)}


class Forked:
    """A kernel that was forked for us, with what is asked of a `subprocess.Popen`.

    Parameters
    ----------
    pid
        Its process, which leads a group.
    line
        Connection to the process that waits for it. When this closes, the kernel is killed.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid, self.returncode, self._line = pid, None, line

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs."""
        if self.returncode is None and select.select([self._line], [], [], 0)[0]:
            self.returncode = int(self._line.recv(16) or -signal.SIGKILL)
            self._line.close()
        return self.returncode

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        while self.returncode is None:
            select.select([self._line], [], [])
            self.poll()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal unless the kernel has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def ask(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Forked | None:
    """Return a kernel from the process that `SOCKET` names.

    Returns
    -------
    Forked or None
        ``None`` where no such process answers, or the environment is another than its own.
    """
    if not (path := environment.get(SOCKET)):
        return None
    wanted = {"command": list(command), "environment": dict(environment), "folder": str(folder)}
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(path)
        socket.send_fds(line, [json.dumps(wanted).encode() + b"\n"], [1, 2])
        if answer := line.recv(16).strip():
            return Forked(int(answer), line)
    except OSError:  # the process has ended: a kernel of one's own does as well
        line.close()
        return None
    line.close()
    return None


def _become(wanted: Mapping, outputs: Sequence[int]) -> None:
    """Turn this copy into the kernel that is wanted."""
    import matplotlib as mpl

    watcher = os.getppid()
    os.setsid()
    os.chdir(wanted["folder"])
    os.environ.update(wanted["environment"])  # after what libraries have set on import
    for number, given in enumerate((os.open(os.devnull, os.O_RDONLY), *outputs)):
        os.dup2(given, number)
    mpl.rcParams["backend"] = os.environ.get("MPLBACKEND", INLINE)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[0] = wanted["folder"]
    _, _, module, *words = wanted["command"]
    sys.argv = [module, *words, f"--IPKernelApp.parent_handle={watcher}"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(line: socket.socket, begun: Mapping[str, str]) -> None:
    """Fork the kernel that is asked for; kill it if who asked has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, outputs, _, _ = socket.recv_fds(line, 1 << 16, 2)
    while text and not text.endswith(b"\n"):
        text += line.recv(1 << 16)
    if not text:
        return
    wanted = json.loads(text)
    if _read_at_import(wanted["environment"]) != begun:
        return
    if not (kernel := os.fork()):
        line.close()
        _become(wanted, outputs)
        return
    line.sendall(f"{kernel}\n".encode())
    while not (ended := os.waitpid(kernel, os.WNOHANG))[0]:
        if select.select([line], [], [], 0.05)[0]:  # closed: nothing else is ever sent
            os.killpg(kernel, signal.SIGKILL)
            os.waitpid(kernel, 0)
            return
    line.sendall(str(os.waitstatus_to_exitcode(ended[1])).encode())


def serve(asked: socket.socket) -> None:
    """Fork a kernel for each that asks, until standard input is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a copy that watches
    gc.disable()  # what is imported is no garbage
    begun = _read_at_import(os.environ)
    while asked in select.select([asked, sys.stdin], [], [])[0]:
        line, _ = asked.accept()
        for name in LIBRARIES:
            import_module(name)
        gc.freeze()
        if not os.fork():
            asked.close()
            try:
                _watch(line, begun)
            finally:
                os._exit(0)
        line.close()


def main(command: Sequence[str]) -> int:
    """Run a command beside a process from which its pages start; return its exit code.

    A process with several threads cannot be copied; with those, and elsewhere than on Linux, each
    page has a process of its own, as without this.
    """
    from bookkit.runner import surroundings

    kernels = os.environ | surroundings()
    if sys.platform != "linux" or any(kernels[name] != "1" for name in THREADS):
        return subprocess.call(command)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as asked:
        asked.bind(path := str(Path(folder) / "kernels"))
        asked.listen()
        number = str(asked.fileno())
        server = subprocess.Popen(
            [sys.executable, "-m", "bookkit.warm", "--serve", number],
            stdin=subprocess.PIPE,
            pass_fds=[asked.fileno()],
            env=kernels,
            start_new_session=True,  # an interrupt is for the command
        )
        with server.stdin:
            return subprocess.call(command, env=os.environ | {SOCKET: path})


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("usage: python -m bookkit.warm COMMAND [ARGUMENT ...]")
    if sys.argv[1] == "--serve":
        serve(socket.socket(fileno=int(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1:]))
