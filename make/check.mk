##@ Check

ROOTS := gateway user notification shared lambda_esm local

lint: setup-dev ## Style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup-dev ## Types
	@echo "types: everything, then what has to run on macOS"
	@$(BIN)/python -m mypy
	@$(BIN)/python -m mypy --platform darwin --cache-dir .mypy_cache/darwin $(ROOTS:%=-p %)

imports: setup-dev ## Import contracts
	@$(BIN)/python $(BIN)/lint-imports

ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

$(GO_TOOLS)/actionlint:
	@echo "setup: building $(ACTIONLINT)"
	@GOBIN="$(CURDIR)/$(GO_TOOLS)" go install $(ACTIONLINT)

check-workflows: $(GO_TOOLS)/actionlint ## The GitHub workflows (needs Go)
	@$(GO_TOOLS)/actionlint

.PHONY: lint types imports check-workflows
