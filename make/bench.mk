##@ Measure

NESTJS := tests/bench/nestjs

bench: setup-dev $(if $(shell command -v npm),$(NESTJS)/build/gateway.js) ## The API beside its baselines (KAFKA=apache: NestJS too; SECONDS_EACH=5)
	@$(BIN)/python -m tests.bench.api

$(NESTJS)/build/gateway.js: $(wildcard $(NESTJS)/*.ts) $(NESTJS)/tsconfig.json $(NESTJS)/package-lock.json
	@cd $(NESTJS) && npm ci --loglevel=error && npm run --silent build

bench-esm: setup-dev ## The event source mapping beside its limits (KAFKA=apache, RECORDS=400000)
	@$(BIN)/python -m tests.bench.esm

bench-logins: setup-dev ## Logins under load, kept for `make capacity` to compare (SECONDS_EACH=30)
	@$(BIN)/python -m tests.bench.logins

bench-cold: setup-lambda ## Cold starts on the Lambda emulator, beside their baselines
	@$(BIN)/python -m tests.bench.cold $(ARGS)

.PHONY: bench bench-esm bench-logins bench-cold
