#!/usr/bin/env bash
# Installs Spark 3.5.7 with Delta 3.3.3: spark/install.sh [DIR]
# Needs Java 17, Maven and Python 3.11; about 400 MB to download, 500 MB on disk.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need java "a Java 17 runtime"
need mvn "Apache Maven"
need python3 "Python 3.11 with venv"
target "${1:-}"
venv "$ROOT/spark/venv" "$HERE/requirements.txt"
jars "$HERE/pom.xml" "$ROOT/spark/jars"
say "ready in $ROOT/spark ($(du -sh "$ROOT/spark" | cut -f1))"
