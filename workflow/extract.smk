# Attention of a model over many cells: one plan, one job for each part of the cells, one merge.
#
#   snakemake -s workflow/extract.smk --profile workflow/profiles/local \
#     --config model=scgpt:/path cells=/path/cells.h5ad out=attention shards=8
#
# What a job needs in memory and time is estimated by the plan. A job that was lost is made again.
import json
import sys

OUT = config["out"]
ABOUT = f"{config['model']} --cells {config['cells']} --out {OUT} --seed {config.get('seed', 0)}"
RUN = f"{sys.executable} -m helpers.cli extract {ABOUT}"


def planned(name, otherwise):
    """Return what the plan says, or a guess before there is one."""
    try:
        with open(f"{OUT}/plan.json", encoding="utf-8") as handle:
            return json.load(handle)[name]
    except FileNotFoundError:
        return otherwise


def shards(wildcards):
    """Return the files of all jobs, once the plan says how many there are."""
    checkpoints.plan.get()
    return [f"{OUT}/shards/shard-{number:05d}.npz" for number in range(planned("shards", 1))]


rule merged:
    input:
        f"{OUT}/edges.parquet",


checkpoint plan:
    output:
        f"{OUT}/plan.json",
    params:
        run=RUN,
        more=f"--strata '{config.get('strata', '')}' --sources {config.get('sources', 'tfs')}",
        shards=f"--shards {config['shards']}" if "shards" in config else "",
    resources:
        mem_mb=4000,
        runtime=120,
    shell:
        "{params.run} {params.more} {params.shards} --plan"


rule shard:
    input:
        f"{OUT}/plan.json",
    output:
        f"{OUT}/shards/shard-{{number}}.npz",
    params:
        run=RUN,
        number=lambda wildcards: int(wildcards.number),
    resources:
        mem_mb=lambda wildcards: planned("megabytes", 4000) + 500,
        runtime=lambda wildcards: int(3 * planned("minutes", 10)) + 5,
    shell:
        "{params.run} --only {params.number}"


rule merge:
    input:
        shards,
    output:
        f"{OUT}/edges.parquet",
    params:
        run=RUN,
    resources:
        mem_mb=lambda wildcards: planned("megabytes", 4000) + 500,
        runtime=60,
    shell:
        "{params.run} --merge"
