"""A Slurm cluster of one node, on this machine, for as long as a test needs it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CONF = Path("/etc/slurm/slurm.conf")
KEY = Path("/etc/munge/munge.key")
HELD = "held"
SETTINGS = """\
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
ReturnToService=2
MinJobAge=300
NodeName={host} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def installed(root: Path) -> None:
    """Install Slurm where that can be done, or skip with what is missing."""
    if CONF.exists() and not _left_by_a_killed_test():
        pytest.skip(f"{CONF} belongs to a cluster of this machine; it is left alone")
    if os.geteuid() != 0:
        pytest.skip("starting slurmctld and munged needs root")
    if not (shutil.which("slurmctld") and shutil.which("munged")):
        if not shutil.which("apt-get"):
            pytest.skip("no slurmctld, and no apt-get to install it with")
        done = subprocess.run(
            [root / ".ci/system", "slurm"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"slurm-wlm cannot be installed: {done.stderr.strip()[-200:]}")


def _left_by_a_killed_test() -> bool:
    """Whether the configuration is that of a test which is not there any more."""
    found = re.search(r"^ClusterName=test\n.*\nStateSaveLocation=(.+/pytest-.+)/state$",
                      CONF.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)  # fmt: skip
    if not found or not (folder := Path(found[1])).is_dir():
        return bool(found)
    with (folder / HELD).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _end(made_key: bool) -> None:
    for name in ("slurmd", "slurmctld", "munged"):
        subprocess.run(["pkill", "-x", name], check=False)
    CONF.unlink(missing_ok=True)
    if made_key:
        KEY.unlink(missing_ok=True)


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Start the daemons, wait until the node takes jobs, and take everything away afterwards.

    The configuration has to lie in its default place: the executor hides ``SLURM_*`` from jobs.
    """
    if CONF.exists():
        _end(made_key=False)
        _wait(lambda: not _said("pgrep", "-x", "slurmd|slurmctld|munged"), "daemons stay")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    held = (folder / HELD).open("w")  # for as long as this process lives
    fcntl.flock(held, fcntl.LOCK_EX)
    host = socket.gethostname().split(".")[0]
    for place in ("/run/munge", "/var/lib/munge", "/var/log/munge", "/etc/munge"):
        Path(place).mkdir(parents=True, exist_ok=True)
        shutil.chown(place, "munge", "munge")
    made_key = not KEY.exists()
    if made_key:
        KEY.write_bytes(os.urandom(1024))
        shutil.chown(KEY, "munge", "munge")
        KEY.chmod(0o400)
    CONF.parent.mkdir(parents=True, exist_ok=True)
    memory = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.8 / 1e6)
    about = {"host": host, "folder": folder, "cpus": min(os.cpu_count() or 1, 2), "memory": memory}
    CONF.write_text(SETTINGS.format(**about))
    try:
        try:
            for command in (["runuser", "-u", "munge", "--", "munged", "--force"], ["slurmctld"]):
                subprocess.run(command, check=True)
            _wait(lambda: "up" in _said("sinfo", "-h", "-o", "%a"), "slurmctld does not answer")
            subprocess.run(["slurmd"], check=True)
            _wait(lambda: "idle" in _said("sinfo", "-h", "-o", "%T"), "the node takes no jobs")
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            pytest.skip(f"Slurm is installed and does not start on this machine: {error}")
        yield
    finally:
        _end(made_key)
        held.close()


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _wait(ready, problem: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError(problem)
        time.sleep(0.5)
