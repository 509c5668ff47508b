# make serve: read the guide. make test: prove it. Both install what they need.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# pytest's paths; empty for all
TESTS ?=
BACKEND ?= tensorflow
export NO_MKDOCS_2_WARNING := 1

.PHONY: serve build offline test record check lint examples browser clean

serve: $(VENV)/site.stamp
	$(BIN)/mkdocs serve

build: $(VENV)/site.stamp
	$(BIN)/mkdocs build --strict

# one zip per language that works from a folder, search included
offline: build
	$(BIN)/python -m sitekit.offline site dist

# every page, snippet, equation, claim, example and both sites
test: $(VENV)/test.stamp
	BACKEND=$(BACKEND) $(BIN)/pytest -q -n 2 --dist loadgroup --durations 20 \
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

clean:
	rm -rf $(VENV) site dist .cache docs/*/api docs/*/examples docs/*/source docs/overrides/assets/fonts

# The lock of the tests contains that of the site, so one environment serves both.
$(VENV)/test.stamp: requirements/test.txt pyproject.toml
	PYTHON=$(PYTHON) sh requirements/install.sh $(VENV) requirements/test.txt
	touch $@ $(VENV)/site.stamp

$(VENV)/site.stamp: requirements/site.txt pyproject.toml
	PYTHON=$(PYTHON) sh requirements/install.sh $(VENV) requirements/site.txt
	touch $@
