# Every target sets up .venv by itself. FRESH=1 recomputes every run; QUICK=1 builds a small book apart from the site.
PYTHON ?= $(shell for each in python3.11 python3 python; do \
	$$each -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$each && break; done)
BOOK := .venv/bin/python -m bookkit
FLAGS = $(if $(FRESH),--fresh) $(if $(QUICK),--quick)
# Bytecode is kept even where the machine's default is not to: else every process would compile all of torch again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help book chapter results check-results prose test serve bench sanitize lint lock clean set-up

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 18
	@echo '  Options: FRESH=1 recomputes every run; QUICK=1 uses quick parameters, in _build/quick.'

book: set-up  ## execute what changed and build the site into _build/html
	@$(BOOK) book $(FLAGS)

chapter: set-up  ## execute one chapter, then build the site: make chapter NAME=architecture/ablation
	@$(BOOK) chapter '$(NAME)' $(FLAGS) $(PARAMETERS)

test: set-up  ## run every test
	@.venv/bin/python -m pytest $(or $(PYTEST),-n 2 --dist loadfile --no-loadscope-reorder)

results: set-up  ## compute what is missing and write the results lock
	@$(BOOK) results

check-results: set-up  ## compare the executed chapters with results/
	@$(BOOK) check-results

prose: set-up  ## write computed values into the sentences of the chapters; the diff is the review
	@$(BOOK) prose

serve: set-up  ## serve the site on this machine (PORT=8000)
	@$(BOOK) serve --port $(or $(PORT),8000)

bench: set-up  ## measure the cells on this machine, at quick size
	@$(BOOK) bench

sanitize: set-up  ## the tests of the compiled kernels under AddressSanitizer (GCC)
	@.venv/bin/python tests/sanitize.py

lint: set-up  ## style, types, layout, clean notebooks, citation file
	@$(BOOK) lint

lock: set-up  ## write constraints.txt and environment.yml from what is installed in .venv
	@$(BOOK) lock
	@$(BOOK) environment

clean:  ## delete all that was built (not .venv)
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

set-up: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@test -n '$(PYTHON)' || { echo 'error: this book needs Python 3.11 and found: '\
	"$$(python3 --version 2>/dev/null || echo no Python at all). Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@PYTHONPATH=lib $(PYTHON) -m bookkit set-up
