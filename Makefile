# The verbs of goldpan. Everything runs in .venv, which the first call makes.
PYTHON ?= python3
BIN := .venv/bin
DEMO := outputs/demo

.PHONY: demo test check clean

demo: .venv/installed  ## compare six methods on the digits: a table, a plot, about three minutes
	$(BIN)/python run.py -m output=$(DEMO) strategy.threads=1 model=vgg11 model.width=0.25 \
	  model.initialization=kaiming_normal_fan_in \
	  method=dense,random,magnitude,snip,grasp,synflow sparsity=0.9,0.98,0.995 seed=0,1
	$(BIN)/python -m goldpan.report $(DEMO)

test: check  ## every test that needs no download and no GPU, after the checks
	$(BIN)/python -m pytest -q

check: .venv/installed  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $@

clean:  ## remove what can be made again, not results
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache $(DEMO)
