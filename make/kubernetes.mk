##@ Kubernetes

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
