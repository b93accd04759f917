# Every target first makes what it needs. The virtual environment is .venv.
.PHONY: serve test check lab bench bundle lock

serve:            ## a demonstration: hall on 127.0.0.1:8000, office on 127.0.0.1:8001
	@deploy/setup.sh run
	@.venv/bin/python -m hall.demonstration

test:             ## the whole test suite (all tiers but `long`)
	@deploy/setup.sh test
	@.venv/bin/python -m pytest -m "not long" -n 4 --dist loadscope --no-loadscope-reorder

check:            ## ruff, mypy --strict, architecture
	@deploy/setup.sh test
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/python -m pytest -q tests/test_architecture.py

lab:              ## JupyterLab for trainers, in Chinese
	@deploy/setup.sh run
	@.venv/bin/python -m courses.lab

bench:            ## benchmarks; ratios printed last
	@deploy/setup.sh test
	@.venv/bin/python -m bench

bundle:           ## dist/pufa-…tar.gz: installs on a machine without internet
	@deploy/setup.sh bundle
	@.venv/bin/python deploy/bundle.py

lock:             ## pin anew (needs uv); the lock files name no host
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links -q -o requirements.lock
	uv pip compile pyproject.toml --extra test -c requirements.lock --generate-hashes --universal --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -q -o requirements-test.lock
