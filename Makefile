# Two commands do everything: `make demo` and `make test`. Both need only Python 3.11 and make.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
B      ?= all

.PHONY: demo test check format bench screenshots clean
.DEFAULT_GOAL := help

help: ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(VENV)/installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not here; name another with PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@touch $@

demo: $(VENV)/installed ## run the digits example to the end: train, then go on from the checkpoint
	@$(BIN)/python -m scripts.demo

test: $(VENV)/installed ## all tests; says what could not run and why
	@$(BIN)/python -m scripts.test

check: $(VENV)/installed ## what CI runs: format, lint, types, import rules, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

format: $(VENV)/installed ## write the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed ## side-by-side benchmarks; B=transfer for one, ONLY=words for a row
	@$(BIN)/python -m benchmarks $(B) --only '$(ONLY)'

screenshots: $(VENV)/installed ## the README's pictures, from real screens
	@$(BIN)/floyd-tui screenshots --out docs/images

clean: ## remove what make made here
	rm -rf $(VENV) .demo .cache dist
