# Two commands for a newcomer: `make demo` and `make test`. Both set up .venv by themselves.
# Needs: Debian 12 or newer, Python 3.11 or newer, make. Neither root nor PortAudio.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TESTS ?=
READY := $(VENV)/.ready
TRAIN_VENV := .venv-training
TRAIN_READY := $(TRAIN_VENV)/.ready
VOICE_VENV := .venv-voices
VOICE_LOCKS := training/voices/requirements.lock requirements.lock
TRAIN := PYTHONPATH=firmware_py:. $(TRAIN_VENV)/bin/python

.PHONY: help setup model demo test test-pages family check format lock train eval compare corpus-audio drawings clean

help:
	@echo "make demo     three calls through the virtual line (ARGS=\"--speed 8\", ARGS=\"--json\")"
	@echo "make test     all tests, real Mosquitto included (TESTS=tests/line to run some)"
	@echo "make check    format, lint, strict types, import rules, corpus"
	@echo "make family   build the family's page (needs Node.js);  make test-pages  both pages, in Chromium"
	@echo "make train    train the detector from training/corpus;  make eval  its report"
	@echo "make compare  other models on the same calls, kinds of scam left out (a quarter of an hour)"
	@echo "make corpus-audio  speak the corpus and have it recognised (hours; stops and resumes)"
	@echo "make drawings write the pictures and the household sheet of hardware/ anew (ARGS=\"--png DIR\" to look at them)"
	@echo "make format   let ruff format the code;  make lock  renew the lock files;  make clean  remove .venv"

setup: $(READY)

$(READY): requirements.lock pyproject.toml scripts/setup-venv
	@scripts/setup-venv "$(PYTHON)" "$(VENV)" requirements.lock .
	@touch $@

$(TRAIN_READY): training/requirements.lock scripts/setup-venv
	@scripts/setup-venv "$(PYTHON)" "$(TRAIN_VENV)" training/requirements.lock
	@touch $@

$(VOICE_VENV)/.ready: $(VOICE_LOCKS) scripts/setup-venv
	@scripts/setup-venv "$(PYTHON)" "$(VOICE_VENV)" "$(VOICE_LOCKS)"
	@touch $@

model: $(READY)
	@$(BIN)/denwaban models verify whisper-base >/dev/null 2>&1 || $(BIN)/denwaban models fetch whisper-base >&2

demo: model
	@$(BIN)/denwaban demo $(ARGS)

test: model
	@scripts/need-mosquitto
	@$(BIN)/python -m pytest $(TESTS)

family:
	@scripts/build-family

test-pages: model
	@scripts/need-mosquitto
	@scripts/test-pages $(BIN)/python

check: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_imports.py tests/training/test_corpus.py

format: $(READY)
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

train: $(TRAIN_READY)
	@$(TRAIN) -W ignore -m training.train $(ARGS)

eval: $(TRAIN_READY)
	@$(TRAIN) -W ignore -m training.evaluate $(ARGS)

compare: $(TRAIN_READY)
	@$(TRAIN) -W ignore -m training.compare $(ARGS)

corpus-audio: $(VOICE_VENV)/.ready model
	@PYTHONPATH=firmware_py:. $(VOICE_VENV)/bin/python -m training.recognise $(ARGS)

drawings:
	@$(PYTHON) -m hardware.drawings.make $(ARGS)

lock:
	@scripts/lock

clean:
	rm -rf $(VENV) $(TRAIN_VENV) $(VOICE_VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
