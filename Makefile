# Two commands do all set-up: `make run` and `make test`. Python 3.11 or newer is all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv

# What users call, and the README documents; the second line is for those who maintain the project.
.PHONY: run test demo bench
.PHONY: lock clean

run: $(VENV)/run.stamp
	@$(BIN)/gateway run

demo: $(VENV)/run.stamp
	@$(BIN)/gateway demo

test: $(VENV)/test.stamp
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tests/run.sh

bench: $(VENV)/bench.stamp
	@$(BIN)/python -m benchmarks

# After a change in setup.cfg: writes the hash-pinned requirements anew.
lock: $(VENV)/python.stamp
	@$(BIN)/pip install --quiet uv
	@for extra in run test bench; do \
	  $(UV) pip compile setup.cfg --extra embedded $$([ $$extra != run ] && echo --extra test -c requirements/run.txt) \
	    $$([ $$extra = bench ] && echo --extra bench -c requirements/test.txt) \
	    --universal --python-version 3.11 --generate-hashes --quiet --upgrade \
	    --no-emit-index-url --no-emit-find-links --no-header -o requirements/$$extra.txt; done

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "Python's venv is not complete here." \
	  "On Debian and Ubuntu: apt-get install python3-venv. Then call make again." >&2; exit 1; }
	@touch $@

# The project itself is installed last, without its dependencies: those came with their hashes.
$(VENV)/%.stamp: requirements/%.txt setup.cfg pyproject.toml $(VENV)/python.stamp
	@echo "Installing requirements/$*.txt into $(VENV); the first time this takes a minute or two ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/$*.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
