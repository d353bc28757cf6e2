##@ Deploy with CDK: its own packages on top of the others', and its command line from npm

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
