# Two commands to begin with: `make demo` and `make test`. Each makes what it needs.
# The first of these that is 3.11 or newer and has venv makes the environment: PYTHON=... names another.
PYTHON ?= python3.11 python3.12 python3.13 python3.14 python3
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?=
ARGS ?=
MINUTES ?= 10
# Of tests: one more than there are cores, since they wait for services half of the time; four at most.
PROCESSES ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 3 ? cores + 1 : 4)))
# How many runs of the models of jobs and of stored images test-faults makes.
JOB_MACHINES ?= 150
IMAGE_RUNS ?= 1000

.PHONY: demo serve test test-page test-faults test-faults-together test-faults-alone soak fuzz check audit bench docker-test format clean

demo: $(VENV)/app ## Start everything, cluster one photograph, show it, stop: make demo IMAGE=photo.jpg ARGS="--n-clusters 8"
	@$(BIN)/huemill demo $(IMAGE) $(ARGS)

serve: $(VENV)/app ## The whole service on this machine, until Ctrl-C
	@$(BIN)/huemill serve $(ARGS)

test: $(VENV)/dev ## The whole test suite, less Docker, faults and the page
	$(BIN)/python -m pytest -m "not docker" --ignore tests/faults --ignore tests/page -n $(PROCESSES) $(ARGS)

test-page: $(VENV)/dev ## The web page in a real browser, on a real service
	$(BIN)/python -m pytest tests/page -n $(if $(filter 0,$(PROCESSES)),0,2) $(ARGS)

test-faults: test-faults-together test-faults-alone ## Kill, starve, freeze and cut off real processes; shows the numbers that were seen

test-faults-together: $(VENV)/dev
	JOB_MACHINES=$(JOB_MACHINES) IMAGE_RUNS=$(IMAGE_RUNS) $(BIN)/python -m pytest tests/faults tests/integration/test_job_machine.py \
		tests/integration/test_request_machine.py tests/integration/test_stored_images.py -m "not alone" -n $(PROCESSES) $(ARGS)

test-faults-alone: $(VENV)/dev
	$(BIN)/python -m pytest tests/faults -m alone $(ARGS)

soak: $(VENV)/dev ## Mixed jobs for MINUTES, and something is killed every 5 s: nothing lost, nothing left, nothing grows
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

fuzz: $(VENV)/dev ## Decode images of every form, then broken in every way, then at random for some minutes: make fuzz ARGS=10
	$(BIN)/python -m tests.matrix
	$(BIN)/python -m tests.fuzz $(ARGS)

check: $(VENV)/dev ## Format, style, types, layers, links in the documents
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --verbose
	$(BIN)/python -m tests.docs_links

audit: $(VENV)/dev ## Ask the database of advisories about every package in the lock files
	$(BIN)/python -m tests.audit

bench: $(VENV)/bench ## Measure beside the peers, in one run; writes bench/RESULTS.md
	$(BIN)/python -m bench $(ARGS)

docker-test: $(VENV)/dev ## Build both images, run the compose file for real
	$(BIN)/python -m pytest -m docker -s tests/e2e/test_docker.py $(ARGS)

format: $(VENV)/dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) huemill-demo

# One virtual environment; each stamp says what has been installed into it. Compiling the kernels that the first job
# needs is part of it, so that nobody takes that for the time of a job; a worker sees to the others.
$(VENV)/made:
	@for python in $(PYTHON); do \
		$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "$$($$python -V), called $$python, makes $(VENV)"; \
		$$python -m venv $(VENV) && touch $@; exit; \
	done; \
	echo "There is no Python 3.11 or newer with venv ($(PYTHON)): apt-get install python3 python3-venv" >&2; exit 1

# Python compiles a module when it is first imported, and most of what comes with scientific packages never is: pip need
# not. That must then be kept, whatever is said elsewhere, or each process would do it anew.
unexport PYTHONDONTWRITEBYTECODE
$(VENV)/app: export PIP_COMPILE = 0
$(VENV)/app: $(VENV)/made requirements/app.lock pyproject.toml
	@echo "Installing huemill (a minute or two, once) ..."
	$(BIN)/pip install --quiet --require-hashes -r requirements/app.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@echo "Compiling what the first job needs (a quarter of a minute, once) ..."
	$(BIN)/huemill warmup --first
	@touch $@

$(VENV)/dev: $(VENV)/made requirements/dev.lock pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/bench: $(VENV)/dev requirements/bench.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements/bench.lock
	@touch $@
