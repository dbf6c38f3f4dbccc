# The verbs of goldpan. Everything runs in .venv, which the first call makes.
PYTHON ?= python3
BIN := .venv/bin
DEMO := outputs/demo

.PHONY: demo table test check bench bench-gpu growth docs clean

demo: .venv/installed  ## compare six methods on the digits: a table, a plot, about three minutes
	$(BIN)/python run.py +table=digits output=$(DEMO) launcher.slots=2

table: .venv/installed  ## run what is missing of a paper's table and print it: make table T=digits
	$(BIN)/python run.py +table=$(T) $(WITH)

test: check  ## every test that needs no download and no GPU, after the checks
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal

bench: .venv/installed  ## speed as ratios to named rivals, some 20 minutes: make bench ONLY=synflow
	$(BIN)/python -m benchmarks --only "$(ONLY)"

bench-gpu: .venv/installed  ## those that make sense on a GPU
	$(BIN)/python -m benchmarks --gpu --only "$(ONLY)"

growth: .venv/installed  ## how cost grows with parameters and with cells
	$(BIN)/python -m benchmarks.growth

docs: .venv/installed  ## the site of docs/, into site/
	$(BIN)/python -m pip install --quiet -e ".[docs]"
	$(BIN)/python docs/build.py

check: .venv/installed  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $@

clean:  ## remove what can be made again, not results
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache site $(DEMO)
