# Two commands do everything: `make run` and `make test`. CONTRIBUTING.md says what the others are for.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
INSTALLED = $(VENV)/.installed
TEST_INSTALLED = $(VENV)/.test-installed

QT_LIBRARIES = libegl1 libgl1 libdbus-1-3 libxkbcommon0 libxkbcommon-x11-0 libfontconfig1 libxcb-cursor0 \
	libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 \
	libxcb-xkb1

.DEFAULT_GOAL = help
.PHONY: help run tui qt install model test soak bench lint check-python clean translations

help:
	@echo "make run      install, fetch the model, start the service, say where to go"
	@echo "make tui      the terminal app        make qt    the desktop app"
	@echo "make install  prepare $(VENV) only     make test  install what tests need, run them all"

run: install model
	@[ -n "$$AICHAT_CONFIG" ] || export AICHAT_SSH_LISTEN=$${AICHAT_SSH_LISTEN-tcp:8022:interface=127.0.0.1}; \
		exec $(BIN)/twist --log-format=text aichat

tui: install
	@exec $(BIN)/aichat-tui

qt: install
	@$(BIN)/python -c 'import PySide6.QtWidgets' 2>/dev/null || sh .ci/system-packages $(QT_LIBRARIES)
	@exec $(BIN)/aichat-qt

install: $(INSTALLED)

# With an upstream of one's own no model is needed. The engine of the embedded one needs OpenMP of the system.
model: install
	@$(BIN)/python -c 'import xllamacpp' 2>/dev/null || sh .ci/system-packages libgomp1 libstdc++6
	@[ -n "$$DEEPSEEK_API_KEY$$OPENAI_API_KEY$$AICHAT_UPSTREAM_URL$$AICHAT_PROVIDER$$AICHAT_BRIDGE" ] \
		|| $(BIN)/python -m aichat.bridge.models fetch --fallback $$AICHAT_EMBEDDED_MODEL

$(INSTALLED): pyproject.toml setup.py | check-python
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once, about a minute) ..."
	@$(PIP) install --quiet --upgrade "pip>=24.1"
	$(PIP) install --progress-bar on --editable ".[qt,tui,embedded]"
	@touch $@

$(TEST_INSTALLED): $(INSTALLED)
	$(PIP) install --quiet --editable ".[qt,tui,embedded,test]"
	@touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "aichat needs Python 3.11 or newer as $(PYTHON); on Debian: apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh .ci/system-packages python3-venv

test: $(TEST_INSTALLED)
	@sh .ci/system-packages $(QT_LIBRARIES) xvfb xdotool dbus-daemon fonts-noto-cjk chromium chromium-driver tmux curl openssh-client libgomp1
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m aichat.bridge.models fetch smollm2-135m
	$(BIN)/python -m pytest

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# After a change of words in an app: brings its .ts or .po in step, compiles it, says what is not translated.
translations: $(TEST_INSTALLED)
	@$(BIN)/python clients/tui/translate.py
	@$(BIN)/python clients/qt/linguist.py

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# QUICK=1 for a short form; ARGS="--pin --rounds 7" and others: see bench/README.md
bench: check-python
	@sh bench/prepare $(PYTHON)
	bench/.venvs/aichat/bin/python bench/run.py $(if $(QUICK),--quick) $(ARGS)

soak: $(TEST_INSTALLED)
	AICHAT_SOAK=1 $(BIN)/python -m pytest -n 0 --capture=no tests/soak
