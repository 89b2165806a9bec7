# Two commands matter: `make run` and `make test`. Everything else is a part of them.
.PHONY: run test check coverage lint types arch bench soak messages hooks clean

run test check coverage lint types arch bench soak messages hooks:
	@exec bash tools/make.sh $@

# What make made; var/ (your data) stays.
clean:
	rm -rf .venv app/web/static/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find app geodata migrations tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
