##@ Lock: one resolution (dev.txt); the smaller sets are cut from it

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

.PHONY: lock
