"""Run one notebook: check its parameters, execute it aside, and publish the result as a whole."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import NoSuchKernel
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from bookkit import fingerprint, holding, notebooks, provenance, warm
from bookkit.download import resolved
from bookkit.findings import Results
from bookkit.publish import tidy
from bookkit.recording import CONTEXT
from bookkit.values import FILE as VALUES
from helpers.errors import RunError
from helpers.files import atomic_write, data_dir, project_root, results_dir

log = logging.getLogger(__name__)

CUSTOM = "custom"
"""Folder of results for parameters given by hand, beside those of the profiles."""

LOG = "log"
DOWNLOAD = "download"
"""Folder of a result with a copy of the notebook in which roles have become text."""

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_UNCOLLECTED = (
    "--IPKernelApp.exec_lines=import gc; gc.disable(); gc.set_threshold(10_000, 20); del gc"
)
"""What a page imports is no garbage, and to look for it takes seconds; `page` ends this."""


@dataclass(frozen=True)
class Finished:
    """A result that is in place.

    Parameters
    ----------
    name
        Notebook.
    folder
        Its results.
    ran
        ``False`` if they were there already and still current.
    minutes
        Time the run took, now or then.
    """

    name: str
    folder: Path
    ran: bool
    minutes: float


class _Kernel(AsyncKernelManager):
    """A kernel that is asked to end, not interrupted first: it complains where it still tidies."""

    async def _async_interrupt_kernel(self) -> None:
        if not self.shutting_down:
            await super()._async_interrupt_kernel()

    async def _async_launch_kernel(self, kernel_cmd: list[str], **more: Any) -> None:
        if not (forked := warm.ask(kernel_cmd, more["env"], more.get("cwd") or Path.cwd())):
            await super()._async_launch_kernel(kernel_cmd, **more)
            return
        self.provisioner.process = forked
        self.provisioner.pid = self.provisioner.pgid = forked.pid


class _Once(NBClientEngine):
    """Write the notebook when it has ended, however it did, not before and after each cell."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **more: Any) -> None:
        path, nb_man.output_path = nb_man.output_path, None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **more)
        finally:
            nb_man.output_path = path


papermill_engines.register("once", _Once)


def run(
    name: str,
    profile: str = "demo",
    given: Mapping[str, Any] | None = None,
    into: str | None = None,
    force: bool = False,
) -> Finished:
    """Run a notebook unless its result is current.

    Parameters
    ----------
    name
        File stem in ``notebooks/``.
    profile
        Which ``params/PROFILE.yaml`` gives the parameters.
    given
        Parameters that go before the profile's.
    into
        Folder below ``results/`` for the result. By default the profile's own, or ``custom``
        where `given` names a parameter, so that trying a value never replaces the book's.
    force
        Run even if the result is current.

    Raises
    ------
    ParameterError
        If a parameter is unknown, of the wrong type, or not allowed; nothing has run then.
    RunError
        If the notebook fails; its log and what it had shown are kept in ``NAME.failed``. Also if
        another process is running it into the same folder.
    """
    parameters = notebooks.settled(name, profile, given)
    target = notebooks.check_profile_name(into or (CUSTOM if given else profile))
    folder = results_dir() / target / name
    found = fingerprint.parts(name, profile, parameters)
    if not force and fingerprint.is_current(folder, found["fingerprint"]):
        known = fingerprint.read_run(folder) or {}
        return Finished(name, folder, False, known["minutes"])
    context = found | {
        "notebook": name,
        "profile": target,
        "base_profile": profile,
        "parameters": parameters,
        "watched": [str(path) for path in _watched(parameters)],
        "git": provenance.git_state(project_root()),
        "stated": provenance.stated_state(name),
        "started": time.time(),
    }
    failed = folder.with_name(f"{name}.failed")
    made_in = {"prefix": holding.aside_of(folder), "dir": results_dir()}
    with holding.held(folder), tempfile.TemporaryDirectory(**made_in) as aside:
        _execute(Path(aside), name, context, failed)
        with atomic_write(folder) as temporary:
            shutil.move(Path(aside) / name, temporary)
        shutil.rmtree(failed, ignore_errors=True)
    minutes = (time.time() - context["started"]) / 60
    return Finished(name, folder, True, minutes)


def _execute(aside: Path, name: str, context: dict[str, Any], failed: Path) -> None:
    """Execute into ``aside/NAME``; on failure leave notebook and log in `failed`."""
    staged = aside / name
    staged.mkdir()
    context["folder"] = str(staged)
    (aside / "context.json").write_text(json.dumps(context), encoding="utf-8")
    notebook = notebooks.load(name)
    notebook["metadata"]["kernelspec"] = KERNEL
    nbformat.write(_current_format(notebook), aside / "source.ipynb")
    executed = staged / f"{name}.ipynb"
    trouble = _papermill(aside, executed, context)
    result = nbformat.read(executed, as_version=4) if executed.is_file() else None
    (staged / LOG).write_text(_log(name, context, result, trouble), encoding="utf-8")
    if trouble is None and not (staged / provenance.FILE).is_file():
        trouble = "it never called run.finish(), so nothing was recorded"
        with (staged / LOG).open("a", encoding="utf-8") as handle:
            handle.write(f"\n{trouble}\n")
    if trouble is not None:
        with atomic_write(failed) as temporary:
            temporary.mkdir()
            for path in (executed, staged / LOG):
                if path.is_file():
                    shutil.move(path, temporary / path.name)
        last = trouble.strip().splitlines()[-1]
        raise RunError(f"{name} failed: {last}\n  log: {failed / LOG}")
    kept = json.loads((staged / VALUES).read_text(encoding="utf-8"))
    archived = kept.get("archive/present", {}).get("value") is not False
    made = tidy(result, name, context["parameters"], archived)
    nbformat.write(made, executed)
    (staged / DOWNLOAD).mkdir()
    about = Results(context["base_profile"], overlay=aside.name)
    nbformat.write(resolved(made, name, about), staged / DOWNLOAD / executed.name)


def _papermill(aside: Path, executed: Path, context: dict[str, Any]) -> str | None:
    """Run papermill; return what went wrong, or ``None``."""
    try:
        with _environment(aside / "context.json"), _sockets(aside) as config:
            papermill.execute_notebook(
                aside / "source.ipynb",
                executed,
                parameters=context["parameters"],
                engine_name="once",
                kernel_name="python3",
                progress_bar=sys.stderr.isatty(),
                start_timeout=180,
                config=config,
            )
    except PapermillExecutionError as error:
        return _ANSI.sub("", "\n".join([*error.traceback, f"{error.ename}: {error.evalue}"]))
    except (RuntimeError, NoSuchKernel) as error:  # from nbclient, when a kernel ends or hangs
        return f"{type(error).__name__}: {error} (out of memory, perhaps)"
    return None


@contextmanager
def _sockets(aside: Path) -> Iterator[Config]:
    """Yield a configuration that talks to the kernel over sockets in a folder of its own.

    No ports are opened, so nobody else can connect.
    """
    with holding.sockets_for(aside) as folder:
        file = str(folder / "kernel.json")
        manager = {"transport": "ipc", "connection_file": file}
        client = {"kernel_manager_class": _Kernel, "extra_arguments": [_UNCOLLECTED]}
        yield Config({"KernelManager": manager, "NotebookClient": client})


def _current_format(notebook: NotebookNode) -> NotebookNode:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbformat warns about the ids it is asked to add here
        _, notebook = nbformat.validator.normalize(notebook)
    return notebook


def _watched(parameters: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the folders whose files count as data: cache, results, mirror, paths given."""
    yield data_dir()
    yield results_dir()
    if mirror := os.environ.get("HELPERS_DATA_MIRROR"):
        yield Path(mirror).expanduser()
    given = (v if isinstance(v, (list, tuple)) else [v] for v in parameters.values())
    for value in chain.from_iterable(given):
        if isinstance(value, str) and "/" in value:
            path = Path(value.split(":", 1)[-1]).expanduser()
            if path.exists():
                yield path if path.is_dir() else path.parent


def surroundings() -> dict[str, str]:
    """Return the variables of every kernel; one thread by default, so that sums have one order."""
    wanted = {"JUPYTER_PREFER_ENV_PATH": "1", "HF_HUB_OFFLINE": "1"}
    # Libraries that look for a notebook's progress bars warn where there are none.
    quiet = "ignore:IProgress not found"
    wanted["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), quiet]))
    return wanted | {name: "1" for name in warm.THREADS if name not in os.environ}


@contextmanager
def _environment(context: Path) -> Iterator[None]:
    """Set what the kernel inherits."""
    wanted = surroundings() | {CONTEXT: str(context)}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _log(
    name: str, context: dict[str, Any], notebook: NotebookNode | None, trouble: str | None
) -> str:
    """Return parameters, everything the cells wrote to their streams, and the failure."""
    lines = [f"{name}: {context['parameters']}"]
    for number, cell in enumerate(notebook["cells"] if notebook else [], start=1):
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                lines.append(f"[cell {number} {output['name']}] {output['text'].rstrip()}")
    return "\n".join([*lines, trouble or "finished"]) + "\n"
