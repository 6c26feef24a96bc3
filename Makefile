# make book   install, fetch data, run the notebooks, build the HTML book
# make pdf    print the book to _build/attention-audit.pdf; installs Chromium as root on Debian
# make test   everything that continuous integration does
.DELETE_ON_ERROR:
.PHONY: book test environment data notebooks html pdf browser lint check doctor clean clean-all

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROFILE ?= demo
# nproc counts threads where OMP_NUM_THREADS is set.
CORES ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || echo 2)
BIN := .venv/bin
# Pages start from one process that has imported the libraries.
WARM := $(BIN)/python -m bookkit.warm
PYTEST = $(WARM) $(BIN)/python -m pytest -n $(CORES) --dist loadgroup --no-loadscope-reorder \
  --durations 15 --durations-min 10
OF_THE_BOOK := tests/book
PIP := $(BIN)/pip --disable-pip-version-check --no-input
# Or each of a few hundred processes compiles this package again.
unexport PYTHONDONTWRITEBYTECODE

book: environment
	@$(BIN)/helpers book --profile $(PROFILE) --check || $(MAKE) --no-print-directory html
	@echo
	@echo "The book begins at $(CURDIR)/_build/html/index.html"

environment: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Python 3.11 is needed; name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	.ci/system venv "$(PYTHON)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing pinned packages into .venv; this takes some minutes"
	@# torch first and by itself: together with other requests pip looks at far larger builds.
	$(PIP) install --quiet --no-compile --constraint constraints.txt torch==2.13.0
	$(PIP) install --quiet --no-compile --constraint constraints.txt --editable '.[models,book,test]'
	@# pip would compile what it installs with one core.
	$(BIN)/python -m compileall -q -j $(CORES) -x 'site-packages/.*/tests/|py312' $(CURDIR)/.venv/lib
	@touch $@

data: environment
	$(BIN)/helpers data fetch demo archives
	$(BIN)/helpers book --prepare

notebooks: data
	$(WARM) $(BIN)/snakemake --cores $(CORES) --keep-going --rerun-incomplete --quiet rules progress \
	  --config profile=$(PROFILE)

html: notebooks
	$(BIN)/helpers book --profile $(PROFILE)

pdf: notebooks browser
	$(BIN)/helpers book --profile $(PROFILE) --pdf

browser: environment
	.ci/system browser

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m bookkit.lint

# Sphinx uses one core: all tests but those that look at its HTML run beside it.
test: lint browser notebooks
	@$(BIN)/python -c 'from bookkit.assets import axe; axe()'  # from the cache afterwards
	@$(BIN)/helpers book --profile $(PROFILE) & book=$$!; \
	  $(PYTEST) tests --ignore=$(OF_THE_BOOK); first=$$?; wait $$book || exit 1; \
	  $(PYTEST) $(OF_THE_BOOK); second=$$?; \
	  exit $$((first + second))

doctor: environment
	$(BIN)/helpers doctor

clean:
	rm -rf _build pages results test-artefacts .snakemake

clean-all: clean
	rm -rf .venv data book/_static/mathjax
