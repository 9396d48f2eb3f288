# `make book` and `make test` are all a reader needs. Both install what they use into .venv first.
# Inside a conda environment made from environment.yml, call `twm book` and `pytest` directly.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3 || echo python3)
VENV := .venv
STAMP := $(VENV)/.installed
# An environment is made anew if its folder was copied or moved, or its Python is gone.
MADE := $(shell sed -n 's/^command = .* -m //p' $(VENV)/pyvenv.cfg 2>/dev/null)
MOVED := $(if $(MADE),$(if $(findstring venv $(CURDIR)/$(VENV),$(MADE)),$(shell test -x $(VENV)/bin/python || echo yes),yes))

.PHONY: setup book test check clean $(if $(MOVED),$(STAMP))

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] in ((3, 11), (3, 12)) else "twm needs Python 3.11 or 3.12; this is %d.%d; say make PYTHON=/path/to/python3.11" % sys.version_info[:2])'
	@$(if $(MOVED),echo "$(VENV) was made for another folder or Python; making it anew"; rm -rf $(VENV),:)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[book,test]"
	@touch $(STAMP)

book: setup
	$(VENV)/bin/python -m twm book

test: setup
	$(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: setup
	$(VENV)/bin/python -m twm check

clean:
	rm -rf _build book/pages/*.ipynb book/pages/*.md
