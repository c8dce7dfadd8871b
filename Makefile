# Every target sets up .venv by itself. FRESH=1 recomputes every run; QUICK=1 builds a small book apart from the site;
# ENGINE=tcp://host:8786 sends the runs to a Dask cluster.
override BOOK := .venv/bin/python -m bookkit
override ENGINE_FLAG := $${ENGINE:+--engine="$$ENGINE"}
override FLAGS := $${FRESH:+--fresh} $${QUICK:+--quick} $(ENGINE_FLAG)
# What is given on the command line is text for a command, never a formula for make or a line for the shell: it goes
# through the environment, and recipes quote it.
override each :=
override as_text = $(eval override $1 := $$(value $1))$(eval export $1)
$(foreach each,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(each)))),$(call as_text,$(each))))
# Bytecode is kept even where the machine's default is not to: else every process would compile all of torch again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help book chapter results check-results audit carry prose test serve bench sanitize lint lock clean set-up

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 18
	@echo '  Options: FRESH=1 recomputes every run; QUICK=1 uses quick parameters, in _build/quick;'
	@echo '  ENGINE=tcp://host:8786 sends the runs to a Dask cluster.'

book: set-up  ## execute what changed and build the site into _build/html (NAME=… for one chapter)
	@if [ -n "$$NAME" ]; then $(BOOK) chapter $(FLAGS) --parameters="$$PARAMETERS" -- "$$NAME"; else $(BOOK) book $(FLAGS); fi

chapter: set-up  ## execute one chapter, then build the site: make chapter NAME=architecture/ablation
	@$(BOOK) chapter $(FLAGS) --parameters="$$PARAMETERS" -- "$$NAME"

test: set-up  ## run every test
	@$(BOOK) test -- "$$PYTEST"

results: set-up  ## compute what is missing and write the results lock (FINISHED="SWEEP …": only what is done of these)
	@$(BOOK) results $(ENGINE_FLAG) $${PRUNE:+--prune} --finished="$$FINISHED"

check-results: set-up  ## compare the executed chapters with results/
	@$(BOOK) check-results

audit: set-up  ## compute a random sample of the locked runs again: make audit MINUTES=15 [SEED=…]
	@$(BOOK) audit $(ENGINE_FLAG) --minutes="$$MINUTES" --seed="$$SEED"

carry: set-up  ## give locked runs the key of code that changes none of them: make carry SINCE=COMMIT
	@$(BOOK) carry -- "$$SINCE"

prose: set-up  ## write computed values into the sentences of the chapters; the diff is the review
	@$(BOOK) prose

serve: set-up  ## serve the site on this machine (PORT=8000)
	@$(BOOK) serve --port="$${PORT:-8000}"

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
	@found=$${PYTHON-$$(for each in python3.11 python3 python; do \
		"$$each" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo "$$each" && break; done)}; \
	test -n "$$found" || { echo 'error: this book needs Python 3.11 and found: '\
	"$$(python3 --version 2>/dev/null || echo no Python at all). Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }; \
	PYTHONPATH=lib "$$found" -m bookkit set-up
