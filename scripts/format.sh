#!/bin/bash
# Lays out C++ files with the one clang-format version that decides (14, Debian's default).
#
#   scripts/format.sh                 the files changed since HEAD, new ones included
#   scripts/format.sh --all           every file
#   scripts/format.sh FILE...         those of these files that are C++
#   scripts/format.sh --check [...]   change nothing; list what would change and exit 1
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=clang-format-14
check=no
selection=changed
files=()
for argument in "$@"; do
  case "$argument" in
    --check) check=yes ;;
    --all) selection=all ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' scripts/format.sh; exit 0 ;;
    -*) printf 'format: unknown argument: %s\n' "$argument" >&2; exit 2 ;;
    *.h | *.cc) files+=("$argument"); selection=named ;;
    *) selection=named ;;
  esac
done
if ! command -v "$formatter" >/dev/null; then
  printf 'format: %s is missing; run scripts/bootstrap\n' "$formatter" >&2
  exit 1
fi

changed_files() {
  if git rev-parse --verify --quiet HEAD >/dev/null; then
    git diff --name-only --diff-filter=d HEAD -- '*.h' '*.cc'
  fi
  git ls-files --others --exclude-standard -- '*.h' '*.cc'
}

case "$selection" in
  all) mapfile -t files < <(find src tests bench cmake -name '*.h' -o -name '*.cc' | sort) ;;
  changed) mapfile -t files < <(changed_files | sort -u) ;;
  named) ;;
esac
if [[ ${#files[@]} -eq 0 ]]; then
  exit 0
fi
if [[ $check == no ]]; then
  "$formatter" -i "${files[@]}"
  exit 0
fi

if ! places=$(printf '%s\0' "${files[@]}" |
  xargs -0 -n 64 -P "$(nproc)" "$formatter" --dry-run 2>&1); then
  printf '%s\n' "$places" >&2
  exit 1
fi
# Each place is named; a file is told once.
mapfile -t different < <(
  sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: .*-Wclang-format-violations.*/\1/p' <<<"$places" | sort -u
)
if [[ ${#different[@]} -ne 0 ]]; then
  printf '%s: layout differs\n' "${different[@]}" >&2
  printf 'format: %d of %d files differ; run scripts/format.sh --all\n' \
    "${#different[@]}" "${#files[@]}" >&2
  exit 1
fi
printf 'format: %d files are fine\n' "${#files[@]}"
