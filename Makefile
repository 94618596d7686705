# Everything here needs only Python 3.11 or later (with venv), make and git.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test check fix browser screenshots proofs bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: $(VENV)/demo  ## run the whole product at http://127.0.0.1:8000 (PORT=8001 for another port)
	@exec $(BIN)/python manage.py up --port $(PORT) $(ARGS)

test: $(VENV)/dev  ## run the tests (ARGS="-k filter" for some of them)
	$(BIN)/pytest -q -m "not browser and not slow and not proof" $(ARGS)

check: $(VENV)/dev  ## lint, types, import contracts, security, advisories, migrations, deployment checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files '*.html')
	$(BIN)/bandit -q -c pyproject.toml -r $$(git ls-files '*.py' | grep / | cut -d/ -f1 | sort -u | grep -v -e tests -e bench)
	$(BIN)/python -m tests.advisories requirements.lock
	DATA_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run
	DATA_DIR=$$(mktemp -d) BASE_URL=https://events.example.com ALLOWED_HOSTS=events.example.com \
	  DATABASE_URL=postgresql://localhost/events TRUSTED_PROXIES=1 EMAIL_HOST=mail.example.com \
	  EMAIL_BACKEND=django.core.mail.backends.smtp.EmailBackend \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

fix: $(VENV)/dev  ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files '*.html')

browser: $(VENV)/dev  ## run the browser tests (they need Chromium)
	$(BIN)/pytest -q -m browser $(ARGS)

screenshots: $(VENV)/dev  ## pictures of every page, in both themes, at three widths, into screenshots/
	$(BIN)/python -m tests.screenshots $(ARGS)

proofs: $(VENV)/dev  ## run the long proofs (FILTER_PROOF_EVALUATIONS=20000, FAULT_KILLS=20 FAULT_ROUNDS=2 for shorter ones)
	$(BIN)/pytest -q -m proof -rP $(ARGS)

bench: $(VENV)/dev  ## measure filters, deciding, then the whole product beside the bare floor
	$(BIN)/python -m bench.filters
	$(BIN)/python -m bench.deciding
	$(BIN)/python -m bench.throughput $(ARGS)

lock: $(VENV)/uv  ## resolve the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group demo -q -o requirements-demo.lock
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group dev -q -o requirements-dev.lock

clean:  ## remove the virtual environment and all local data
	rm -rf $(VENV) var

$(VENV)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: name a newer one, such as: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) lacks venv or pip: install them (on Debian: apt install python3-venv)."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check uv
	@touch $@

# The development set holds everything that the demo set does: once it is there, `make run` keeps it.
$(VENV)/demo: $(VENV)/uv requirements-demo.lock requirements-dev.lock
	@if [ -e $(VENV)/dev ]; then set=dev; else set=demo; fi; \
	  $(BIN)/uv pip sync -q --require-hashes requirements-$$set.lock && touch $(VENV)/$$set $@

$(VENV)/dev: $(VENV)/uv requirements-dev.lock
	@$(BIN)/uv pip sync -q --require-hashes requirements-dev.lock
	@touch $@ $(VENV)/demo
