##@ Environment: .venv holds what requirements/*.txt pin, and follows them when they change

# On a terminal, uv shows how far it has come; in a log, only what fails.
UV_QUIET := $(shell [ -t 2 ] || echo -q)
# uv brings certificates of its own; a network that looks into TLS has its own on the machine.
UV_SYSTEM_CERTS ?= true
export UV_SYSTEM_CERTS
GO_TOOLS := .local/go-tools

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

.PHONY: setup setup-dev
