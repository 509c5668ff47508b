"""pytest collects nothing here: these are programs for `make mutants`."""

collect_ignore_glob = ["*.py"]
