"""A Slurm cluster of one node, on this machine, for as long as a test needs it."""

from __future__ import annotations

import os
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
    if CONF.exists():
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


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Start the daemons, wait until the node takes jobs, and take everything away afterwards.

    The configuration has to lie in its default place: the executor hides ``SLURM_*`` from jobs.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
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
        for name in ("slurmd", "slurmctld", "munged"):
            subprocess.run(["pkill", "-x", name], check=False)
        CONF.unlink(missing_ok=True)
        if made_key:
            KEY.unlink(missing_ok=True)


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _wait(ready, problem: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError(problem)
        time.sleep(0.5)
