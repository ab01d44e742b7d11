# Two commands do all: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_RUN ?= demo-run

.PHONY: demo test test-all bench docs clean

# The environment; made again when a dependency changes.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

# The main job on the embedded data set: crystals, training, baselines, report.
demo: $(VENV)/installed
	rm -rf $(DEMO_RUN)
	$(BIN)/xtalgraph train ionic_perovskites --config docs/demo.yaml --out $(DEMO_RUN)
	$(BIN)/xtalgraph predict $(DEMO_RUN) docs/examples --out $(DEMO_RUN)/new.csv
	@echo
	@echo "Open the report:    $(CURDIR)/$(DEMO_RUN)/report.html"
	@echo "Predictions of docs/examples: $(DEMO_RUN)/new.csv"

# Everything CI checks.
test: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/flake8 src
	$(BIN)/pytest -m "not long" -n 2 --dist loadfile  # what a file trains once is trained once

# The same, and what takes minutes.
test-all: $(VENV)/installed
	$(MAKE) test
	$(BIN)/pytest -m long

# What measures speed on data that is here; others of benchmarks/ take data sets or runs.
BENCH := cif graphs neighbors potential_scaling reduction scaling store throughput
bench: $(VENV)/installed
	for name in $(BENCH); do $(BIN)/python benchmarks/$$name.py || exit 1; done

# The docs are plain Markdown; their examples are executed.
docs: $(VENV)/installed
	$(BIN)/pytest tests/test_docs.py

clean:
	rm -rf $(VENV) $(DEMO_RUN)
