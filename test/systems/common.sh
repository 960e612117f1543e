# Sourced by the scripts beside and below this file. The folder that systems are
# installed into is DQ_SYSTEMS, by default .systems in the working directory;
# install scripts also take it as their first argument.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1

HERE=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)

say() { printf '[%s] %s\n' "$(basename "$HERE")" "$*" >&2; }
die() { say "FAILED: $*"; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is missing: install $2"; }

# target [DIR]: sets ROOT, the absolute path of the folder that systems go to.
target() {
  ROOT=${1:-${DQ_SYSTEMS:-./.systems}}
  mkdir -p "$ROOT"
  ROOT=$(cd "$ROOT" && pwd)
}

# venv DIR REQUIREMENTS: a virtual environment with exactly those pins. A second
# call does nothing; changed pins make a new one.
venv() {
  cmp -s "$2" "$1/.installed" && { say "$1 is up to date"; return; }
  rm -rf "$1"
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$2"
  "$1/bin/python" -m pip check >&2
  cp "$2" "$1/.installed"
}

# jars POM DIR: the jars that a pom names, and no others. A second call does nothing.
jars() {
  cmp -s "$1" "$2/.installed" && { say "$2 is up to date"; return; }
  rm -rf "$2"
  mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -f "$1" -DincludeScope=runtime -DoutputDirectory="$2" >&2
  cp "$1" "$2/.installed"
}

# agree FOLDER: all readers read its tables alike, save that delta-rs cannot read
# widened types.
agree() {
  local compared differs
  compared=$("$HERE/compare.sh" "$1" | tee >(cat >&2)) || true
  differs=$(grep '^  ' <<< "$compared" | grep -v '^  widened: delta-rs: .*TypeWidening' || true)
  if [ -n "$differs" ] || ! grep -q ' passed, ' <<< "$compared"; then die "the readers do not agree"; fi
}
