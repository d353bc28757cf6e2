##@ Lambda: build, and AWS's own tools, each in an environment of its own

ARCH ?= x86_64
COMPILED = $(if $(BYTECODE),--bytecode $(PYTHON313))

build: | $(VENV)/.uv ## The deployable folders in dist/, for Lambda's Linux (ARCH=arm64, BYTECODE=1)
	@$(BIN)/python -m local.build --arch $(ARCH) $(COMPILED)

# What `sam build` calls, with the folder that it deploys. Migrations are in the user function's.
build-%: | $(VENV)/.uv
	@$(BIN)/python -m local.build $(patsubst Migration%,User%,$*) --arch $(ARCH) $(COMPILED) --into "$(ARTIFACTS_DIR)"

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

test-lambda: setup-lambda ## The built functions on the real Lambda runtime
	@$(BIN)/python -m pytest tests/lambda_runtime $(ARGS)

sam: setup-lambda build ## The functions in Lambda's containers by sam local, on the compose services (Docker)
	@$(BIN)/python -m local.sam

.PHONY: build setup-lambda test-lambda sam
