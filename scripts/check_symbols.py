#!/usr/bin/env python3
"""Refuses symbols of clocks, entropy, environment, threads, sockets and files in a pure library.

    scripts/check_symbols.py LIBRARY.a [LIBRARY.a ...]

A pure library decides; it is handed the time, the randomness and the data it decides about. What
it would need from the machine anyway shows as an undefined symbol of its archive.
"""

import re
import shutil
import subprocess
import sys

# C names, exactly as the linker sees them, and what to take instead.
BANNED_NAMES = {
    "a Timestamp argument or platform::Clock": (
        "clock clock_gettime clock_getres gettimeofday ftime time timespec_get times "
        "localtime localtime_r mktime tzset"
    ),
    "platform::Random": (
        "rand rand_r srand random srandom drand48 lrand48 getrandom getentropy arc4random"
    ),
    "an argument": "getenv secure_getenv setenv putenv unsetenv environ __environ",
    "a timer of the kernel": (
        "sleep usleep nanosleep clock_nanosleep alarm setitimer timer_create timerfd_create"
    ),
    "the loop: pure code runs on one thread": (
        "pthread_create pthread_mutex_lock pthread_cond_wait pthread_cond_timedwait "
        "sem_wait thrd_create poll ppoll select epoll_wait"
    ),
    "an effect, carried out by an adapter": (
        "socket connect bind listen accept accept4 getaddrinfo "
        "open open64 openat openat64 creat fopen fopen64 fdopen freopen freopen64 opendir "
        "read write pread pwrite mkdir rename unlink stat fstat lstat "
        "fork vfork execve execv execvp posix_spawn posix_spawnp system popen kill waitpid"
    ),
}

# Demangled C++ names, as regular expressions.
BANNED_PATTERNS = {
    "a Timestamp argument or platform::Clock": r"^std::chrono::.*_clock::now\(",
    "platform::Random": r"^std::random_device::",
    "the loop: pure code runs on one thread": (
        r"^std::(thread|jthread|condition_variable|condition_variable_any|this_thread|"
        r"__future_base)\b.*::"
    ),
    "an effect, carried out by an adapter": (
        r"^std::(__cxx11::)?basic_(filebuf|ifstream|ofstream|fstream)<|"
        r"^std::filesystem::(?!(__cxx11::)?(path|filesystem_error)\b)"
    ),
}

# (library file name, symbol) that are tolerated. Each line says why; the aim is that it is empty.
ALLOWED = frozenset()

NAME_TO_REPLACEMENT = {
    name: replacement for replacement, names in BANNED_NAMES.items() for name in names.split()
}
COMPILED_PATTERNS = [
    (re.compile(pattern), replacement) for replacement, pattern in BANNED_PATTERNS.items()
]


def replacement_for(symbol):
    """What to use instead of the demangled `symbol`, or None if it is harmless."""
    plain = symbol.split("@", 1)[0]
    if plain in NAME_TO_REPLACEMENT:
        return NAME_TO_REPLACEMENT[plain]
    for pattern, replacement in COMPILED_PATTERNS:
        if pattern.search(plain):
            return replacement
    return None


def undefined_symbols(listing):
    """Yields (object, symbol) for what `nm -A -C -u` printed and the archive does not define."""
    for line in listing.splitlines():
        match = re.match(r"^(.*?):\s+(?:[0-9a-fA-F]+\s+)?[UwWvV] (.*)$", line)
        if match:
            yield match.group(1), match.group(2).strip()


def find_nm():
    for name in ("llvm-nm-19", "llvm-nm", "nm"):
        path = shutil.which(name)
        if path:
            return path
    raise SystemExit("check_symbols: neither llvm-nm-19 nor nm is installed; run scripts/bootstrap")


def scan(library):
    """Returns findings for one archive or object file."""
    listing = subprocess.run(
        [find_nm(), "-A", "-C", "--undefined-only", library],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    short = library.rsplit("/", 1)[-1]
    findings = []
    for place, symbol in undefined_symbols(listing):
        replacement = replacement_for(symbol)
        if replacement is None or (short, symbol) in ALLOWED:
            continue
        findings.append(f"{place.rsplit('/', 1)[-1]}: uses {symbol}; take {replacement} instead")
    return sorted(set(findings))


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    findings = []
    for library in arguments:
        try:
            findings += scan(library)
        except (OSError, subprocess.CalledProcessError) as problem:
            detail = getattr(problem, "stderr", None) or problem
            print(f"check_symbols: cannot read {library}: {detail}", file=sys.stderr)
            return 2
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
