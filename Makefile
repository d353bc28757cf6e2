# Two commands do all the set-up: `make dev` runs the system, `make test` passes its tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# On a terminal, uv shows how far it has come; in a log, only what fails.
UV_QUIET := $(shell [ -t 2 ] || echo -q)
# uv brings certificates of its own; a network that looks into TLS has its own on the machine.
UV_SYSTEM_CERTS ?= true
export UV_SYSTEM_CERTS
PORT ?= 3000
KAFKA ?= embedded
export PORT KAFKA
BROKERS ?= 1
export BROKERS
KAFKA_PORT ?= 9092
GO_TOOLS := .local/go-tools
INTEROP := tests/interop
NESTJS := tests/bench/nestjs

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev dev dev-reset kafka kafka-lock test interop check lint types imports format lock

help: ## This list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':[^#]*## ' '{ printf "  make %-15s %s\n", $$1, $$2 }'

# ---- environment: .venv holds what requirements/*.txt pin, and follows them when they change

# An environment is made anew when an installation in it has not come to its end, or its Python has
# been replaced by another version. Only a folder of the project is emptied for that.
NOT_WHOLE := $(shell [ ! -e $(VENV)/.uv ] || { [ ! -e $(VENV)/.unfinished ] && $(BIN)/python -c 'import uv'; } 2>/dev/null || echo anew)
.PHONY: anew
anew:

$(VENV)/.uv: requirements/uv.txt $(NOT_WHOLE)
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else 0'
	@echo "setup: creating $(VENV)"
	@$(PYTHON) -m venv $(if $(filter .venv%,$(VENV)),--clear) $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/python -c 'import site, pathlib; pathlib.Path(site.getsitepackages()[0], "source_roots.pth").write_text("\n".join("../../../../" + r for r in ("functions", "layers", "")))'
	@rm -f $(VENV)/.unfinished
	@touch $@

# lambda-esm is installed from its folder; what it needs is in the locks.
ESM := packages/lambda-esm

# $(call install,SET): uv takes a package that was copied in part for an installed one, hence the mark.
define install
@touch $(VENV)/.unfinished
@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install $(UV_QUIET) --require-hashes -r requirements/$(1).txt
@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e $(ESM)
@rm $(VENV)/.unfinished
@touch $@
endef

$(VENV)/.run: requirements/run.txt $(ESM)/pyproject.toml $(VENV)/.uv
	@echo "setup: installing what running needs"
	$(call install,run)

$(VENV)/.dev: requirements/dev.txt $(ESM)/pyproject.toml $(VENV)/.uv
	@echo "setup: installing what tests and checks need"
	$(call install,dev)

setup: $(VENV)/.run ## Build .venv with what running needs
setup-dev: $(VENV)/.dev ## Build .venv with what tests and checks need

# ---- run

dev: setup ## Run the whole system on this machine (PORT=3000)
	@$(BIN)/python -m local

dev-reset: ## Forget all state of `make dev`
	@$(PYTHON) -m local.dev.reset

kafka: setup ## Apache Kafka with our topics, without Docker (BROKERS=1 or 3, KAFKA_PORT=9092)
	@$(BIN)/python -m local.services.apache_kafka --brokers $(BROKERS) --port $(KAFKA_PORT)

kafka-lock: setup ## Write the lock of Kafka's jars from its pom.xml
	@$(BIN)/python -m local.services.kafka_jars --lock .local/kafka-jars

up: setup ## The system in containers (needs Docker); addresses as for make dev
	@$(BIN)/python -m local.compose .local
	@docker compose -f local/docker-compose.yml up --build --detach --wait
	@echo "API http://127.0.0.1:$(PORT), inbox http://127.0.0.1:$(or $(INBOX_PORT),8025); make down ends it"

down: ## End the containers; their data stay (ARGS=--volumes forgets them)
	@docker compose -f local/docker-compose.yml down $(ARGS)

test-compose: setup-dev ## The end-to-end tests on the system in containers, and what holds for containers
	@COMPOSE=1 $(BIN)/python -m pytest tests/compose $(ARGS)

.PHONY: up down test-compose

# ---- build and deploy

ARCH ?= x86_64
COMPILED = $(if $(BYTECODE),--bytecode $(PYTHON313))
SAM_IDS := SharedLayer GatewayFunction UserFunction NotificationFunction MigrationFunction

build: | $(VENV)/.uv ## The deployable folders in dist/, for Lambda's Linux (ARCH=arm64, BYTECODE=1)
	@$(BIN)/python -m local.build --arch $(ARCH) $(COMPILED)

# What `sam build` calls, with the folder that it deploys. Migrations are in the user function's.
$(SAM_IDS:%=build-%): build-%: | $(VENV)/.uv
	@$(BIN)/python -m local.build $(patsubst Migration%,User%,$*) --arch $(ARCH) $(COMPILED) --into "$(ARTIFACTS_DIR)"

# ---- AWS's own tools, each in an environment of its own

# python3.13 as Lambda has it: the one on the path, or pyenv's newest.
PYTHON313 ?= $(shell for p in python3.13 $$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13.*/bin/python3.13 2>/dev/null | tail -1); do $$p -c "" 2>/dev/null && echo $$p && break; done)

.venv-sam/.done: requirements/sam.txt | $(VENV)/.uv
	@echo "setup: installing the SAM CLI in .venv-sam"
	@$(BIN)/uv venv -q --clear -p $(BIN)/python .venv-sam
	@VIRTUAL_ENV=.venv-sam $(BIN)/uv pip install $(UV_QUIET) --require-hashes -r $<
	@touch $@

# Compiled, as the runtime's own files are in Lambda.
.venv-lambda/.done: requirements/lambda.txt | $(VENV)/.uv
	@echo "setup: installing the Lambda runtime in .venv-lambda"
	@$(BIN)/uv venv -q --clear -p $(PYTHON313) .venv-lambda
	@VIRTUAL_ENV=.venv-lambda $(BIN)/uv pip install -q --compile-bytecode --require-hashes -r $<
	@touch $@

setup-lambda: setup-dev .venv-sam/.done $(if $(PYTHON313),.venv-lambda/.done) ## Lambda's runtime client and emulator (needs Python 3.13)

test-fresh: setup-dev ## The two commands on a bare machine in a container (Docker; FRESH_BASE=debian:13-slim)
	@FRESH=1 $(BIN)/python -m pytest tests/fresh/test_fresh.py --log-cli-level=INFO $(ARGS)

test-lambda: setup-lambda ## The built functions on the real Lambda runtime
	@$(BIN)/python -m pytest tests/lambda_runtime $(ARGS)

sam: setup-lambda build ## The functions in Lambda's containers by sam local, on the compose services (Docker)
	@$(BIN)/python -m local.sam

bench-cold: setup-lambda ## Cold starts on the Lambda emulator, beside their baselines
	@$(BIN)/python -m tests.bench.cold $(ARGS)

.PHONY: test-fresh build setup-lambda test-lambda bench-cold sam $(SAM_IDS:%=build-%)

# ---- deploy with CDK: its own packages on top of the others', and its command line from npm

CDK := infra/cdk
ENVIRONMENT ?= dev
RPS ?= 10
USERS ?= 10000

$(VENV)/.cdk: requirements/cdk.txt $(VENV)/.dev
	@echo "setup: installing CDK"
	$(call install,cdk)

$(CDK)/node_modules/.package-lock.json: $(CDK)/package-lock.json
	@command -v npm >/dev/null || { echo "CDK runs on Node.js 22 or newer, and npm is not on the path: https://nodejs.org"; exit 1; }
	@cd $(CDK) && npm ci --loglevel=error

setup-cdk: $(VENV)/.cdk $(CDK)/node_modules/.package-lock.json ## CDK and its command line (needs Node.js)

synth: setup-cdk build ## CloudFormation templates of one environment in infra/cdk/cdk.out (ENVIRONMENT=dev, staging or prod)
	@cd $(CDK) && npx cdk synth --quiet --context environment=$(ENVIRONMENT) $(ARGS)

test-infra: setup-cdk build .venv-sam/.done check-infra ## The templates, and a deployment to a stand-in for AWS
	@$(BIN)/python -m pytest tests/infra $(ARGS)

check-infra: setup-cdk ## Types of what needs CDK
	@$(BIN)/python -m mypy $(wildcard infra/cdk/*.py infra/cdk/*/*.py tests/infra/*.py tests/infra/*/*.py)

cost: setup ## What a month costs (RPS=10 requests a second, USERS=10000)
	@$(BIN)/python -m infra.economics.cost --rps $(RPS) --users $(USERS) $(ARGS)

capacity: setup-cdk ## Simulate the load and draw docs/capacity.svg
	@$(BIN)/python -m infra.economics.capacity --plot docs/capacity.svg

.PHONY: setup-cdk synth test-infra check-infra cost capacity

# ---- Kubernetes

OVERLAY ?= dev
WAIT ?= 10m
KUSTOMIZE := sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
KUBE_SCORE := github.com/zegl/kube-score/cmd/kube-score@v1.20.0
SETUP := --namespace microservices --selector app.kubernetes.io/component=setup
K8S_GO := $(if $(shell command -v go),$(GO_TOOLS)/kustomize $(GO_TOOLS)/kube-score)

$(VENV)/.kubernetes: requirements/kubernetes.txt $(VENV)/.dev
	@echo "setup: installing Kubernetes' schemas"
	$(call install,kubernetes)

# Go checks what it fetches against its checksum database.
$(GO_TOOLS)/kustomize:
	@echo "setup: building $(KUSTOMIZE)"
	@GOBIN="$(CURDIR)/$(GO_TOOLS)" go install $(KUSTOMIZE)

$(GO_TOOLS)/kube-score:
	@echo "setup: building $(KUBE_SCORE)"
	@GOBIN="$(CURDIR)/$(GO_TOOLS)" go install $(KUBE_SCORE)

setup-k8s: $(VENV)/.kubernetes $(K8S_GO) ## kustomize, kube-score (both need Go) and Kubernetes' schemas
	@$(if $(K8S_GO),,echo "Go is not on this machine: kustomize or kubectl is taken from the path, and kube-score's checks are left out")

test-k8s: setup-k8s ## The manifests, and the system in containers as they say (Docker)
	@KUBERNETES=1 $(BIN)/python -m pytest tests/kubernetes $(ARGS)

k8s-images: ## The images that the overlay dev names, in this machine's Docker
	@for image in gateway worker; do docker build -f local/Dockerfile --target $$image -t user-services/$$image:dev .; done

k8s-secrets: setup ## Namespace and secrets of a first try, for the cluster of kubectl
	@kubectl apply -f infra/kubernetes/base/namespace.yaml
	@$(BIN)/python -m infra.kubernetes.secrets | kubectl apply -f -

k8s-apply: ## Deploy to the cluster of kubectl: setup, then the services (OVERLAY=dev or prod, WAIT=10m)
	@kubectl delete job $(SETUP) --ignore-not-found
	@kubectl apply -k infra/kubernetes/overlays/$(OVERLAY) --selector 'app.kubernetes.io/component notin (api,worker)'
	@kubectl wait job $(SETUP) --for=condition=complete --timeout=$(WAIT)
	@kubectl apply -k infra/kubernetes/overlays/$(OVERLAY)
	@for each in gateway user-service notification-service; do kubectl rollout status --namespace microservices deployment/$$each --timeout=$(WAIT) || exit 1; done

k8s-test: setup-dev k8s-secrets ## The overlay dev on the cluster of kubectl, and the end-to-end tests on it
	@$(MAKE) --no-print-directory k8s-apply OVERLAY=dev
	@KUBERNETES=remote $(BIN)/python -m pytest tests/kubernetes/test_accounts.py $(ARGS)

.PHONY: setup-k8s test-k8s k8s-images k8s-secrets k8s-apply k8s-test

# ---- prove

# Tests mostly wait; a file's tests share their services, so they stay together.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile

test: setup-dev ## Unit, integration and end-to-end tests (KAFKA=apache, ARGS="-n 0 -k login")
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-broker: setup-dev ## Unit tests, and those that a real broker can change (KAFKA=apache)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "broker or unit" $(ARGS)

stress: setup-dev ## The tests N times beside a process that takes half of the machine (N=5, KAFKA=apache)
	@$(BIN)/python -m tests.stress $(or $(N),5) $(SIDE_BY_SIDE) $(ARGS)

.PHONY: stress test-broker

interop: setup-dev $(INTEROP)/build/client.js ## NestJS on either side of our topics (Node.js, npm, Java)
	@$(BIN)/python -m pytest $(INTEROP) $(ARGS)

$(INTEROP)/build/client.js: $(wildcard $(INTEROP)/*.ts) $(INTEROP)/tsconfig.json $(INTEROP)/package-lock.json
	@cd $(INTEROP) && npm ci --loglevel=error && npm run --silent build

bench: setup-dev $(if $(shell command -v npm),$(NESTJS)/build/gateway.js) ## The API beside its baselines (KAFKA=apache: NestJS too; SECONDS_EACH=5)
	@$(BIN)/python -m tests.bench.api

$(NESTJS)/build/gateway.js: $(wildcard $(NESTJS)/*.ts) $(NESTJS)/tsconfig.json $(NESTJS)/package-lock.json
	@cd $(NESTJS) && npm ci --loglevel=error && npm run --silent build

bench-esm: setup-dev ## The event source mapping beside its limits (KAFKA=apache, RECORDS=400000)
	@$(BIN)/python -m tests.bench.esm

bench-logins: setup-dev ## Logins under load, kept for `make capacity` to compare (SECONDS_EACH=30)
	@$(BIN)/python -m tests.bench.logins

.PHONY: bench-esm bench-logins

# Its packages are not those of the tests: a plugin of theirs would take part in every test.
.venv-fuzz/.done: requirements/fuzz.txt | $(VENV)/.uv
	@echo "setup: installing the fuzzer in .venv-fuzz"
	@$(BIN)/uv venv -q --clear -p $(BIN)/python .venv-fuzz
	@VIRTUAL_ENV=.venv-fuzz $(BIN)/uv pip install -q --require-hashes -r $<
	@touch $@

fuzz: setup-dev .venv-fuzz/.done ## Requests made up from /openapi.json, thousands of them (FUZZ_EXAMPLES=100 a route)
	@FUZZ=1 $(BIN)/python -m pytest tests/fuzz $(ARGS)

timing: setup-dev ## Whether the time of an answer tells that an account exists (TIMING_SAMPLES=400)
	@TIMING=1 $(BIN)/python -m pytest $(ACCOUNTS)/test_enumeration.py $(ARGS)

ACCOUNTS := tests/integration/accounts

.PHONY: fuzz timing

overload: setup-dev ## Ten times as many logins as can be done; a table, and build/overload.svg
	@$(BIN)/python -m tests.faults.overload

faults: setup-dev ## Every fault under load, one table (KAFKA=apache, BROKERS=3, ONLY=Redis, SEED=7)
	@$(BIN)/python -m tests.faults

.PHONY: faults overload

ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

$(GO_TOOLS)/actionlint:
	@echo "setup: building $(ACTIONLINT)"
	@GOBIN="$(CURDIR)/$(GO_TOOLS)" go install $(ACTIONLINT)

check-workflows: $(GO_TOOLS)/actionlint ## The GitHub workflows (needs Go)
	@$(GO_TOOLS)/actionlint

.PHONY: check-workflows

ROOTS := gateway user notification shared lambda_esm local

check: lint types imports ## Style, types, import contracts

lint: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup-dev
	@echo "types: everything, then what has to run on macOS"
	@$(BIN)/python -m mypy
	@$(BIN)/python -m mypy --platform darwin --cache-dir .mypy_cache/darwin $(ROOTS:%=-p %)

imports: setup-dev
	@$(BIN)/python $(BIN)/lint-imports

format: setup-dev ## Format the code
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format .

# ---- lock: one resolution (dev.txt); the smaller sets are cut from it

COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package lambda-esm
SETS := run shared gateway user notification server worker packaging

lock: | $(VENV)/.uv ## Write requirements/*.txt from pyproject.toml
	@$(COMPILE) --group pyproject.toml:dev -o requirements/dev.txt $(UPGRADE)
	@for set in $(SETS); do $(COMPILE) --group pyproject.toml:$$set -c requirements/dev.txt -o requirements/$$set.txt; done
	@$(COMPILE) --group pyproject.toml:fuzz -o requirements/fuzz.txt $(UPGRADE)
	@$(COMPILE) --group pyproject.toml:lambda -c requirements/dev.txt -o requirements/lambda.txt
	@$(COMPILE) --group pyproject.toml:sam -o requirements/sam.txt $(UPGRADE)
	@$(COMPILE) --group pyproject.toml:cdk -c requirements/dev.txt -o requirements/cdk.txt $(UPGRADE)
	@$(COMPILE) --group pyproject.toml:kubernetes -c requirements/dev.txt -o requirements/kubernetes.txt $(UPGRADE)
