# Two commands do everything: `make run` puts a station on the air, `make test` runs every test.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: run test debian13 lint types ci players format bench profile soak fuzz loudness clean

run: $(VENV)/.runtime
	$(BIN)/python -m radiostream $(ARGS)

test: $(STAMP) players
	$(BIN)/python -m pytest $(ARGS)

debian13:
	sh tests/tools/debian13.sh $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

ci: lint types test

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python -m tests.bench.bench $(ARGS)

profile: $(STAMP)
	$(BIN)/python -m tests.bench.profile $(ARGS)

soak: $(STAMP) players
	$(BIN)/python -m tests.bench.soak $(ARGS)

fuzz: $(STAMP) players
	$(BIN)/python -m tests.bench.fuzz $(ARGS)

loudness: $(STAMP) players
	$(BIN)/python -m tests.bench.loudness $(ARGS)

players:
	sh tests/install-players.sh

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: setup.cfg setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(STAMP): setup.cfg setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) build dist *.egg-info

include .image/image.mk
