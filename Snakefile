# Runs every notebook of a profile. `snakemake --cores 2 --config profile=demo`
#
# The name of each marker holds a fingerprint of source, helpers, packages and parameters, so only
# what changed runs again; data and results of other notebooks are checked by `helpers run` itself.
import sys

from bookkit import fingerprint, notebooks

PROFILE = config.get("profile", "demo")
NAMES = notebooks.names()
# These take longest, the longest first (minutes: run.json): what starts first does not keep the last pages waiting.
LONG = (
    "11_cssi",
    "21_grn_baselines",
    "20_scaling",
    "41_head_ablation",
    "13_beyond_attention",
    "10_coexpression",
    "12_null_models",
    "02_models",
    "51_sae_circuits",
    "43_layer_organisation",
    "26_orthologs",
    "24_cross_context",
    "29_calibration",
    "28_leakage",
    "50_mediation_circuits",
    "25_perturbation",
    "40_gene_level_baselines",
    "27_pseudotime",
    "23_detectability",
    "42_cell_contexts",
    "01_data",
    "14_at_a_glance",
    "22_mediation_bias",
)
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
        priority: LONG[::-1].index(_name) + 1 if _name in LONG else 0
        shell:
            "{params.python} -m helpers.cli run {params.name} --profile {params.profile}"


# Attention of a model over many cells: `snakemake merged --config model=... cells=... out=...`
if "model" in config:

    include: "workflow/extract.smk"
