# bpm_crm: `make run` starts everything, `make test` checks everything. Needs Python 3.11 with venv; Node 20 for GraphiQL and some tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: run demo test check format lint types layers schema lock bench bench-analytics bench-replay campaign graphiql clean

run: $(VENV)/.run graphiql
	$(BIN)/bpm-crm run

demo: $(VENV)/.run
	$(BIN)/bpm-crm demo

test: check
	$(BIN)/pytest -n 2 --no-loadscope-reorder -q

# Everything but the tests: format, lint, types, layers, schema drift. Migration drift is a test, since it needs a server.
check: $(VENV)/.dev graphiql
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/bpm-crm schema --check schema.graphql

format: $(VENV)/.dev
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

schema: $(VENV)/.dev
	$(BIN)/bpm-crm schema > schema.graphql
	$(BIN)/python -m bpm_crm.processes.schema > docs/process.schema.json
	$(BIN)/python -m bpm_crm.analytics.kpi_page > docs/kpi-catalogue.md

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

bench-analytics: $(VENV)/.dev
	$(BIN)/python -m benchmarks.analytics $(if $(CASES),--cases $(CASES)) $(if $(TIMES),--times $(TIMES))

bench-replay: $(VENV)/.dev
	$(BIN)/python -m benchmarks.replaying $(if $(CASES),--cases $(CASES))

campaign: $(VENV)/.dev
	$(BIN)/pytest -m slow -q

lock:
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock

# GraphiQL is copied from its npm package; without Node the page says how to get it.
graphiql:
	@if command -v node >/dev/null 2>&1; then node graphiql/assets.mjs || echo "GraphiQL could not be installed; /graphql says how."; \
	else echo "Node is not installed: /graphql will say how to get GraphiQL."; fi

$(VENV)/bin/python:
ifdef UV
	uv venv -q --python '>=3.11' $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

ifdef UV
install = uv pip install -q --python $(BIN)/python --require-hashes -r $(1) && \
	uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
else
# A .venv that uv made has no pip; uv may not be there the next time.
install = ($(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null) && \
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endif

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements-dev.lock)
	@touch $(VENV)/.run $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache graphiql/node_modules src/bpm_crm/api/assets/graphiql
