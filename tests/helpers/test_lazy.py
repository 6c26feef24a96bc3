"""What a user waits for: help and light imports load none of the heavy packages."""

import subprocess
import sys

import pytest

HEAVY = {"anndata", "matplotlib", "numba", "pandas", "scanpy", "scipy", "torch", "transformers"}
HELP = "from typer.testing import CliRunner; from helpers.cli import app; " + (
    "assert CliRunner().invoke(app, ['--help']).exit_code == 0"
)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        (HELP, set()),
        ("import helpers.datasets, helpers.evaluation, helpers.plotting", set()),
        ("import helpers.datasets; helpers.datasets.artefacts()", set()),
        ("import helpers.extraction", set()),
    ],
)
def test_heavy_packages_wait_until_they_are_needed(code, allowed):
    code = f"{code}\nimport sys; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= allowed
