#!/usr/bin/env python3
"""Prints the translation units that took longest to compile, from a .ninja_log.

    scripts/slowest_tus.py [BUILD_DIR] [COUNT]

Times are wall time of the compiler while other compilers were running, so they are upper bounds;
a unit that came out of ccache shows the time of the cache.
"""

import pathlib
import sys

OBJECT_SUFFIXES = (".o", ".pch", ".gch")


def read_log(text):
    """Returns {output: seconds} for the latest build of each object file."""
    seconds = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) < 4 or not fields[3].endswith(OBJECT_SUFFIXES):
            continue
        # Later lines replace earlier ones: the log is append-only.
        seconds[fields[3]] = (int(fields[1]) - int(fields[0])) / 1000.0
    return seconds


def readable(output):
    """`src/CMakeFiles/reeve_base.dir/base/json.cc.o` -> `reeve_base: base/json.cc`"""
    path = output
    for suffix in OBJECT_SUFFIXES:
        path = path.removesuffix(suffix)
    before, marker, after = path.partition(".dir/")
    if not marker:
        return path
    return f"{before.rsplit('/', 1)[-1]}: {after}"


def slowest(seconds, count):
    # Ties are broken by name, so that two runs over one log print the same.
    return sorted(seconds.items(), key=lambda item: (-item[1], item[0]))[:count]


def main(arguments):
    build_dir = pathlib.Path(arguments[0] if arguments else "build")
    count = int(arguments[1]) if len(arguments) > 1 else 10
    log = build_dir / ".ninja_log"
    if not log.is_file():
        print(f"slowest_tus: {log} does not exist; build first", file=sys.stderr)
        return 1
    seconds = read_log(log.read_text(encoding="utf-8"))
    print(f"slowest {min(count, len(seconds))} of {len(seconds)} translation units in {build_dir}:")
    for output, duration in slowest(seconds, count):
        print(f"  {duration:7.1f} s  {readable(output)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
