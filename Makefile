# make: what a change must pass. Go and a C compiler are needed; golangci-lint is
# fetched in the version named here.
GOLANGCI = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: all lint test build bench bench-lineage bench-check bench-delta bench-profile bench-policies bench-env fuzz systems clean
all: lint test

lint:
	$(GOLANGCI) run --allow-parallel-runners

test:
	go test ./...

build:
	go build -o dq ./cmd/dq

# Benchmarks of every package, without its tests. make bench PKG=./delta
PKG ?= ./...
bench:
	go test -run '^$$' -bench . -benchmem $(PKG)

# Lineage of a project of 200 models, and dq blame over 200 versions whose verdicts
# were kept: figures alone, nothing is asserted of the time.
bench-lineage:
	go test -run '^$$' -bench '^(BenchmarkLineage|BenchmarkBlame)$$' -benchtime 3x ./cmd/dq

# Every fuzz test for a while. make fuzz TIME=1m
TIME ?= 10s
fuzz:
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for name in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(TIME) $$dir || exit 1; \
		done; done

# dq check against 30 queries by hand in the DuckDB that is linked in (the version
# of github.com/duckdb/duckdb-go in go.mod), and against Soda and Great Expectations,
# each in a place of its own. make bench-check ROWS=1000000
ROWS ?= 10000000
bench-check: build bench-env
	test -x .bench/soda/bin/python || { python3 -m venv .bench/soda && \
		.bench/soda/bin/pip install -q soda-core-duckdb==3.5.6 setuptools==65.5.0; } || rm -rf .bench/soda
	test -x .bench/gx/bin/python || { python3 -m venv .bench/gx && \
		.bench/gx/bin/pip install -q great-expectations==1.24.1 duckdb==1.5.6 duckdb-engine==0.17.0 'sqlalchemy<2.1'; } || rm -rf .bench/gx
	PYTHONPATH=test/bench .bench/bin/python test/bench/check/run.py ./dq --rows $(ROWS) --peer soda=.bench/soda/bin/python --peer gx=.bench/gx/bin/python

# Delta tables against plain Parquet in the same DuckDB, and against delta-rs.
# make bench-delta ONLY=merge,appends
ONLY ?= write,read,merge,appends,commits,checkpoint,statistics,partitions
bench-delta: build bench-env
	PYTHONPATH=test/bench .bench/bin/python test/bench/delta/run.py ./dq --rows $(ROWS) --only $(ONLY)

# dq profile against SUMMARIZE in the same DuckDB, and against ydata-profiling, which
# needs a place of its own.
bench-profile: build bench-env
	test -x .bench/ydata/bin/python || { python3 -m venv .bench/ydata && \
		.bench/ydata/bin/pip install -q ydata-profiling==4.18.4 'setuptools<81' pyarrow==26.0.1; } || rm -rf .bench/ydata
	PYTHONPATH=test/bench .bench/bin/python test/bench/profile/run.py ./dq --rows $(ROWS) --ydata .bench/ydata/bin/python

# What a decision of the policies costs: the 95th percentile in milliseconds, and which
# part of the allowed 10 ms (100 columns, 20 changes, 50 readers) and 30 ms (500, 200, 500) it is.
bench-policies:
	go test ./policies -run '^$$' -bench 'Load|FirstChange|Decide' -benchtime 3s

bench-env:
	test -x .bench/bin/python || python3 -m venv .bench
	.bench/bin/pip install -q duckdb==1.5.6 deltalake==1.6.6 pyarrow==26.0.1

# What CI runs: the tests, the example, and delta-spark and delta-rs over its tables.
systems:
	.ci/run

clean:
	rm -rf dq dist .systems .bench
