# make serve: read the guide. make test: prove it. Both install what they need.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# pytest's paths; empty for all
TESTS ?=
BACKEND ?= tensorflow
# for make versions: oldest, newest or both
VERSIONS ?= oldest newest
export NO_MKDOCS_2_WARNING := 1

# make mutants: those of every module, or MUTANTS="dlguide.layers.lstm.*"
MUTANTS ?=
MUTATION := .venv-mutation

.PHONY: serve build offline test record check lint examples versions successor mutants clean

serve: $(VENV)/site.stamp
	$(BIN)/mkdocs serve

build: $(VENV)/site.stamp
	$(BIN)/mkdocs build --strict

# one zip per language that works from a folder, search included
offline: build
	$(BIN)/python -m sitekit.offline site dist

# every page, snippet, equation, claim, example and both sites
test: $(VENV)/test.stamp
	BACKEND=$(BACKEND) $(BIN)/pytest -q -n 2 --durations 20 \
		--junitxml .cache/report-$(BACKEND).xml $(TESTS)

# after a full `make test`: its figures for the page about/quality
record:
	$(BIN)/python -m sitekit.quality record .cache/report-$(BACKEND).xml

# the contract of the pages, in seconds, without Keras
check: $(VENV)/site.stamp
	$(BIN)/python -m sitekit.check

lint: $(VENV)/test.stamp
	$(BIN)/ruff check
	$(BIN)/codespell
	$(BIN)/typos
	$(BIN)/python -m sitekit.typography

# what is stale; FRESH=1 for everything
examples: $(VENV)/test.stamp
	$(BIN)/python -m sitekit.examples $(if $(FRESH),--fresh)

# the fast tests and the site with the oldest and newest versions allowed
versions:
	PYTHON=$(PYTHON) sh requirements/versions.sh $(VERSIONS)

# what Zensical, the theme's successor, makes of both languages; no gate
successor:
	PYTHON=$(PYTHON) sh requirements/successor.sh

# how many changes of the code the tests notice; see tests/mutation/README.md
mutants: $(MUTATION)/test.stamp
	EXAMPLES=0 KERAS_BACKEND=torch OMP_NUM_THREADS=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 \
	$(MUTATION)/bin/mutmut run --max-children 2 $(MUTANTS)
	$(MUTATION)/bin/python tests/mutation/report.py summary

clean:
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-newest $(VENV)-successor $(MUTATION) mutants site dist .cache docs/*/api docs/*/examples docs/*/source docs/overrides/assets/fonts

$(MUTATION)/test.stamp: requirements/test.txt requirements/mutation.txt
	PYTHON=$(PYTHON) sh requirements/install.sh $(MUTATION) requirements/test.txt
	PYTHON=$(PYTHON) sh requirements/install.sh $(MUTATION) requirements/mutation.txt
	uv pip install -q --python $(MUTATION)/bin/python -r requirements/torch.in || \
	$(MUTATION)/bin/pip install -q -r requirements/torch.in
	touch $@

# The lock of the tests contains that of the site, so one environment serves both.
$(VENV)/test.stamp: requirements/test.txt pyproject.toml
	PYTHON=$(PYTHON) sh requirements/install.sh $(VENV) requirements/test.txt
	touch $@ $(VENV)/site.stamp

$(VENV)/site.stamp: requirements/site.txt pyproject.toml
	PYTHON=$(PYTHON) sh requirements/install.sh $(VENV) requirements/site.txt
	touch $@
