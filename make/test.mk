INTEROP := tests/interop

##@ Prove

# Tests mostly wait; a file's tests share their services, so they stay together.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile

test-broker: setup-dev ## Unit tests, and those that a real broker can change (KAFKA=apache)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "broker or unit" $(ARGS)

interop: setup-dev $(INTEROP)/build/client.js ## NestJS on either side of our topics (Node.js, npm, Java)
	@$(BIN)/python -m pytest $(INTEROP) $(ARGS)

$(INTEROP)/build/client.js: $(wildcard $(INTEROP)/*.ts) $(INTEROP)/tsconfig.json $(INTEROP)/package-lock.json
	@cd $(INTEROP) && npm ci --loglevel=error && npm run --silent build

test-compose: setup-dev ## The end-to-end tests on the system in containers, and what holds for containers
	@COMPOSE=1 $(BIN)/python -m pytest tests/compose $(ARGS)

test-fresh: setup-dev ## The two commands on a bare machine in a container (Docker; FRESH_BASE=debian:13-slim)
	@FRESH=1 $(BIN)/python -m pytest tests/fresh/test_fresh.py --log-cli-level=INFO $(ARGS)

stress: setup-dev ## The tests N times beside a process that takes half of the machine (N=5, KAFKA=apache)
	@$(BIN)/python -m tests.stress $(or $(N),5) $(SIDE_BY_SIDE) $(ARGS)

overload: setup-dev ## Ten times as many logins as can be done; a table, and build/overload.svg
	@$(BIN)/python -m tests.faults.overload

faults: setup-dev ## Every fault under load, one table (KAFKA=apache, BROKERS=3, ONLY=Redis, SEED=7)
	@$(BIN)/python -m tests.faults

# Its packages are not those of the tests: a plugin of theirs would take part in every test.
.venv-fuzz/.done: requirements/fuzz.txt | $(VENV)/.uv
	@echo "setup: installing the fuzzer in .venv-fuzz"
	@$(BIN)/uv venv -q --clear -p $(BIN)/python .venv-fuzz
	@VIRTUAL_ENV=.venv-fuzz $(BIN)/uv pip install -q --require-hashes -r $<
	@touch $@

fuzz: setup-dev .venv-fuzz/.done ## Requests made up from /openapi.json, thousands of them (FUZZ_EXAMPLES=100 a route)
	@FUZZ=1 $(BIN)/python -m pytest tests/fuzz $(ARGS)

timing: setup-dev ## Whether the time of an answer tells that an account exists (TIMING_SAMPLES=400)
	@TIMING=1 $(BIN)/python -m pytest tests/integration/accounts/test_enumeration.py $(ARGS)

.PHONY: test-broker interop test-compose test-fresh stress overload faults fuzz timing
