#!/usr/bin/env bash
# Pins and hashes every set of requirements anew; `make requirements` calls it.
#   requirements/compile.sh UV [--upgrade | --upgrade-package NAME]...
# Every set is compiled under the pins of all.txt, so one version of a package stands everywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$1
shift

compile() {  # compile SET ARGUMENTS: pyproject.toml -> requirements/SET.txt
    local out=requirements/$1.txt
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --custom-compile-command "make requirements" \
        --output-file "$out" "$@" >/dev/null
    printf '%s: %s packages\n' "$out" "$(grep -c '==' "$out")"
}

groups() { for name in "$@"; do printf -- '--group pyproject.toml:%s ' "$name"; done; }

# shellcheck disable=SC2046  # the words of groups are arguments
{
    compile all pyproject.toml --extra all $(groups build test check docs) "$@"
    pins=(--constraints requirements/all.txt)
    compile base pyproject.toml "${pins[@]}"
    compile demo pyproject.toml --extra demo $(groups build) "${pins[@]}"
    compile serve pyproject.toml --extra serve $(groups build) "${pins[@]}"
    compile train pyproject.toml --extra train --extra report $(groups build) "${pins[@]}"
    compile test pyproject.toml --extra audit --extra explain --extra report --extra demo \
        --extra serve --extra openvino --extra video $(groups build test check) "${pins[@]}"
    compile docs $(groups docs) "${pins[@]}"
}
echo uv | compile uv - "$@"

if grep -nE '://|^--(index|extra-index|find-links)|(^|[ "=])/' requirements/*.txt; then
    echo "requirements: the lines above name a host or a folder of this machine" >&2
    exit 1
fi
