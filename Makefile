.DEFAULT_GOAL := help
.PHONY: help setup run test check audit bench docs screenshots lock clean

PYTHON_BIN := .venv/bin/python

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## install everything that running and testing need
	@scripts/setup.sh test

run:  ## start the service; settings come from the environment and .env (make run PORT=9000)
	@scripts/setup.sh runtime
	@exec scripts/run.sh

test: setup  ## run the tests (make test ARGS="-k jpeg")
	@$(PYTHON_BIN) -m pytest -n auto --maxprocesses 4 $(ARGS)

check: setup  ## lint, formatting, types, known vulnerabilities
	@$(PYTHON_BIN) -m ruff check .
	@$(PYTHON_BIN) -m ruff format --check .
	@$(PYTHON_BIN) -m mypy
	@$(PYTHON_BIN) -m scripts.audit || [ $$? -eq 3 ] # 3: nobody to ask, which it says; offline work goes on

audit: setup  ## known vulnerabilities of the locked packages; fails where nobody can be asked
	@$(PYTHON_BIN) -m scripts.audit

bench: setup  ## measure against the bare tools
	@$(PYTHON_BIN) -m benchmarks $(ARGS)

docs: setup  ## renew the tables that the README generates
	@$(PYTHON_BIN) -m scripts.generate_docs

screenshots: setup  ## renew the README's pictures of the page
	@$(PYTHON_BIN) -m tests.web.screenshots

lock:  ## pin every dependency of pyproject.toml with its hashes (needs uv)
	@scripts/lock.sh $(ARGS)

clean:  ## remove everything that was installed or cached in this checkout
	rm -rf .venv .tools tests/tinify_clients/node_modules clients/typescript/node_modules tests/web/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
