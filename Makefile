# Two commands do everything: `make run` puts a station on the air, `make test` runs every test.
PYTHON ?= python3
JOBS   ?= 4
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The rooms whose every branch is to be run, and how many per cent of them must be; a line left out says why.
ROOMS  := */audio/*,*/playlist/*,*/radio/*,*/http/*
GATE   := 100
# Nearly all that tests do is wait, so more of them at a time than there are cores.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: run test quick cover ci lint types format debian13 bench profile soak fuzz loudness live engines lighthouse players clean help

run: $(VENV)/.runtime ## put a station on the air (ARGS="--port 9000 …")
	$(BIN)/python -m radiostream $(ARGS)

test: $(STAMP) players ## every test (ARGS="tests/http -k icy", JOBS=4 at a time)
	$(PYTEST) $(ARGS)

quick: $(STAMP) ## the tests that need neither players nor a network, in half a minute
	$(BIN)/python -m pytest -n 3 --dist worksteal -q -m 'not players and not slow' --hypothesis-profile=quick $(ARGS)

cover: $(STAMP) players ## every test, with the branches that none takes; fails below the gate
	rm -f .coverage .coverage.*
	PYTHONPATH=$(CURDIR) $(BIN)/python -m coverage run -m pytest -n $(JOBS) --dist worksteal $(ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --include='$(ROOMS)' --fail-under=$(GATE)

ci: lint types test ## what must be green before anything lands

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

format: $(STAMP) ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

debian13: ## the tests on Debian 13, in a root file system of its own (as root)
	sh tests/tools/debian13.sh $(ARGS)

bench: $(STAMP) ## what a listener costs, with a gate
	$(BIN)/python -m tests.bench.bench $(ARGS)

profile: $(STAMP) ## where the time goes
	$(BIN)/python -m tests.bench.profile $(ARGS)

soak: $(STAMP) players ## an hour of a busy station
	$(BIN)/python -m tests.bench.soak $(ARGS)

fuzz: $(STAMP) players ## mutated files, as long as you like
	$(BIN)/python -m tests.bench.fuzz $(ARGS)

loudness: $(STAMP) players ## what is measured, against ffmpeg
	$(BIN)/python -m tests.bench.loudness $(ARGS)

live: $(STAMP) players ## live sources that break a hundred times, and ten minutes of clocks that are off
	$(BIN)/python -m tests.bench.breaks
	$(BIN)/python -m tests.bench.drift

engines: $(STAMP) players ## what listeners hear in Chromium, Firefox and WebKitGTK, as a table
	$(BIN)/python -m tests.engines.report $(ARGS)

lighthouse: $(STAMP) players ## Lighthouse's opinion of the pages, as a table
	$(BIN)/python -m tests.tools.lighthouse

players: ## install the players and servers that the tests use (as root)
	sh tests/install-players.sh

clean: ## remove what was built and installed
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.*

help: ## this list
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: setup.cfg setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(STAMP): setup.cfg setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.runtime

include .image/image.mk
