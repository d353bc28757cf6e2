##@ Check

# The folders that have product code; a function of one's own is in the first.
ROOTS := functions layers packages/lambda-esm/src local

lint: setup-dev ## Style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup-dev ## Types
	@echo "types: everything, then what has to run on macOS"
	@$(BIN)/python -m mypy
	@$(BIN)/python -m mypy --platform darwin --cache-dir .mypy_cache/darwin $(ROOTS)

imports: setup-dev ## Import contracts
	@$(BIN)/python -m tests.imports

ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

$(GO_TOOLS)/actionlint:
	@echo "setup: building $(ACTIONLINT)"
	@GOBIN="$(CURDIR)/$(GO_TOOLS)" go install $(ACTIONLINT)

check-workflows: $(GO_TOOLS)/actionlint ## The GitHub workflows (needs Go)
	@$(GO_TOOLS)/actionlint

.PHONY: lint types imports check-workflows
