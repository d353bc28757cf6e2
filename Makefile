# Two commands do all the set-up: `make dev` runs the system, `make test` passes its tests.
# `make` alone lists what there is; the folder make/ has a file for each subject.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 3000
KAFKA ?= embedded
BROKERS ?= 1
KAFKA_PORT ?= 9092
export PORT KAFKA BROKERS

.DEFAULT_GOAL := help
.PHONY: help dev dev-reset test check format

help:
	@awk -F ':[^#]*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Before the subjects, since `help` lists in this order.
##@ First

dev: setup ## Run the whole system on this machine (PORT=3000)
	@$(BIN)/python -m local

dev-reset: ## Forget all state of `make dev`
	@$(PYTHON) -m local.dev.reset

test: setup-dev ## Unit, integration and end-to-end tests (KAFKA=apache, ARGS="-n 0 -k login")
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

check: lint types imports ## Style, types, import contracts

format: setup-dev ## Format the code
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format .

include make/environment.mk make/run.mk make/test.mk make/check.mk make/lambda.mk make/deploy.mk make/kubernetes.mk make/bench.mk make/lock.mk
