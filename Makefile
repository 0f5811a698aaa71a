# Two commands for users: `make demo` and `make test`. Each makes .venv if it
# is missing and installs what it needs; a second run installs nothing.
PYTHON ?= python3
EXTRAS ?= dev
PYTEST_ARGS ?=
DEMO ?= runs/demo

VENV := .venv
BIN := $(VENV)/bin
# Named after the extras, so that asking for others installs them.
STAMP := $(VENV)/.installed-$(EXTRAS)

.PHONY: demo test test-arm64 lint format wheel clean

$(STAMP): setup.cfg pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing keras_mvit[$(EXTRAS)] into $(VENV); about a minute."
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq --editable '.[$(EXTRAS)]'
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: $(STAMP)
	$(BIN)/keras-mvit-train --model=mobilevit_xxs --dataset=digits \
		--recipe=finetune --epochs=20 --workdir=$(DEMO)
	$(BIN)/keras-mvit-export --workdir=$(DEMO) \
		--formats=float32,float16,dynamic,int8 --output_dir=$(DEMO)/export
	$(BIN)/keras-mvit-latency --models=$(DEMO)/export --threads=1,2 \
		--output=$(DEMO)/latency.json
	$(BIN)/keras-mvit-report --workdir=$(DEMO) --export_dir=$(DEMO)/export \
		--latency=$(DEMO)/latency.json --output_dir=$(DEMO)
	@echo "Open $(DEMO)/report.html in a browser."

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# In as many processes as there are cores, and at most four: some tests take
# gigabytes.
test: lint
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 \
		--dist=worksteal $(PYTEST_ARGS)

# Skips, and says why, where the environment cannot be made.
test-arm64: $(STAMP)
	-PYTHON=$(BIN)/python tests/arm64/prepare.sh .arm64
	$(BIN)/python -m pytest tests/arm64 --large -rs

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(STAMP)
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist *.egg-info
