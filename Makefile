# filo: two commands do everything on a fresh Debian or Ubuntu with Go and Node:
#   make demo     runs a node, two centres and three Comuni on this machine
#   make test     the whole suite: both databases, a real browser
# make help lists the rest.
SHELL := /bin/bash
GO ?= go
export CGO_ENABLED = 0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
DIST := internal/web/static/dist
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PG := $(CURDIR)/build/pg

.PHONY: help demo test check bench assets build release clean tools fuzz

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

demo: build ## run the demonstration; ARGS="--story" plays it to the end, ARGS="--watch FILE" follows a real log
	@./bin/filo demo $(ARGS)

build: assets ## build bin/filo
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/filo ./cmd/filo

assets: $(DIST)/.built ## fetch styles, fonts and the ISTAT list with npm and bundle them

ASSET_SOURCES := $(shell find assets -type f -not -path '*/node_modules/*' 2>/dev/null) $(wildcard cmd/assets/*.go)
$(DIST)/.built: $(ASSET_SOURCES)
	@cd assets && npm ci --no-audit --no-fund --loglevel=error
	@$(GO) run ./cmd/assets
	@touch $@

tools: ## install what the suite needs: PostgreSQL and Chromium
	@missing=; ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v chromium >/dev/null 2>&1 || missing="$$missing chromium"; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

test: tools assets ## the whole suite, nothing skipped
	@mkdir -p build
	@url=$$(test/postgres.sh start $(PG)) || exit 1; trap 'test/postgres.sh stop $(PG)' EXIT; \
	FILO_TEST_STRICT=1 FILO_TEST_POSTGRES="$$url" $(GO) test -count=1 ./... $(ARGS)

check: assets ## before a commit: format, vet, lint, floors, tests of what changed
	@bad=$$($(GO) tool gofumpt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$bad" ]; then echo "not formatted (go tool gofumpt -w):"; echo "$$bad"; exit 1; fi
	@$(GO) vet ./...
	@$(GO) tool staticcheck ./...
	@$(GO) test . ./internal/i18n/... $$(git status --porcelain | awk '/\.(go|html|json)$$/{print $$NF}' | xargs -r -n1 dirname | sort -u | while read d; do while [ "$$d" != . ] && ! ls $$d/*.go >/dev/null 2>&1; do d=$$(dirname $$d); done; echo ./$$d; done | sort -u)

bench: build ## measure, print ratios, write bench/results.jsonl
	@mkdir -p build bench
	@url=$$(test/postgres.sh start $(PG) 2>/dev/null || true); trap 'test/postgres.sh stop $(PG)' EXIT; \
	FILO_BENCH_POSTGRES="$$url" $(GO) run ./cmd/bench $(ARGS)

fuzz: ## run each fuzz target for FUZZTIME (default 1m)
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep ^Fuzz); do echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-1m} $$p || exit 1; done; done

release: assets ## cross-build for Linux and Windows into dist/
	@mkdir -p dist; for t in linux/amd64 linux/arm64 windows/amd64; do o=$${t%/*} a=$${t#*/}; \
	GOOS=$$o GOARCH=$$a $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/filo-$$o-$$a$$([ $$o = windows ] && echo .exe) ./cmd/filo && echo dist/filo-$$o-$$a || exit 1; done

clean: ## remove what was built
	@rm -rf bin build dist $(DIST)/* packs/territory/dist/*
