# Runs every notebook of a profile. `snakemake --cores 2 --config profile=demo`
#
# The name of each marker holds a fingerprint of source, helpers, packages and parameters, so only
# what changed runs again; data and results of other notebooks are checked by `helpers run` itself.
import sys

from bookkit import fingerprint, notebooks

PROFILE = config.get("profile", "demo")
NAMES = notebooks.names()
# These take longest: what starts first does not keep the last pages waiting.
LONG = ("11_cssi", "12_null_models", "10_coexpression", "02_models")
STAMPS = {name: str(fingerprint.stamp(name, PROFILE)) for name in NAMES}


rule all:
    input:
        list(STAMPS.values()),


for _name in NAMES:

    rule:
        name:
            f"notebook_{_name}"
        input:
            [STAMPS[other] for other in notebooks.upstream(_name, NAMES)],
        output:
            touch(STAMPS[_name]),
        params:
            name=_name,
            profile=PROFILE,
            python=sys.executable,
        threads: 1
        priority: int(_name in LONG)
        shell:
            "{params.python} -m helpers.cli run {params.name} --profile {params.profile}"
