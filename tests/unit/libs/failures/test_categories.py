"""Why a step failed, where it is beyond doubt; what only looks like it stays without a category."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.attempt import FailureCategory
from libs.contracts.results import Result
from libs.failures.categories import End, category

ENDS: tuple[tuple[Result, End, FailureCategory], ...] = (
    ("failure", End(1), ""),
    ("failure", End(None), ""),
    ("failure", End(137, 9), "signal"),
    ("failure", End(137), "signal"),
    ("failure", End(139), "signal"),
    ("failure", End(134), "signal"),
    ("failure", End(143, 15), "signal"),
    ("failure", End(129, 1), "signal"),
    ("failure", End(129), ""),
    ("failure", End(128), ""),
    ("failure", End(127), ""),
    ("failure", End(124), ""),
    ("failure", End(148), ""),
    ("failure", End(200), ""),
    ("failure", End(255), ""),
    ("failure", End(137, 9, out_of_memory=True), "out of memory"),
    ("failure", End(1, out_of_memory=True), "out of memory"),
    ("failure", End(1, disk_full=True), "disk full"),
    ("failure", End(137, 9, time_limit=True), "time limit"),
    ("failure", End(1, time_limit=True, out_of_memory=True), "time limit"),
    ("timeout", End(), "time limit"),
    ("success", End(0, out_of_memory=True), ""),
    ("error", End(137, 9), ""),
    ("cancellation", End(143, 15), ""),
    ("skip", End(), ""),
)

TEXTS: tuple[tuple[FailureCategory, int, str], ...] = (
    ("out of memory", 134, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
    ("out of memory", 1, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'),
    ("out of memory", 1, "Caused by: java.lang.OutOfMemoryError: Metaspace"),
    ("out of memory", 134, "terminate called after throwing an instance of 'std::bad_alloc'"),
    ("out of memory", 1, "MemoryError"),
    ("out of memory", 1, "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 8.00 GiB"),
    ("out of memory", 2, "fatal error: runtime: out of memory"),
    ("out of memory", 1, "c++: fatal error: Killed signal terminated program cc1plus"),
    ("out of memory", 1, "cc1plus: out of memory allocating 65536 bytes after a total of 1 bytes"),
    ("out of memory", 101, "memory allocation of 17179869184 bytes failed"),
    ("out of memory", 1, "collect2: fatal error: ld terminated with signal 9 [Killed]"),
    ("out of memory", 254, "run.sh: fork: Cannot allocate memory"),
    ("signal", 137, "run.sh: line 3:  1234 Killed                  ./work"),
    ("signal", 139, "run.sh: line 3:  1234 Segmentation fault (core dumped) ./app"),
    ("disk full", 1, "OSError: [Errno 28] No space left on device"),
    ("disk full", 1, "tar: big: Wrote only 4096 of 10240 bytes: No space left on device"),
    ("disk full", 1, "npm ERR! code ENOSPC"),
    ("disk full", 1, "Error: ENOSPC: no space left on device, write"),
    ("disk full", 100, "E: You don't have enough free space in /var/cache/apt/archives/."),
    ("network", 6, "curl: (6) Could not resolve host: example.org"),
    ("network", 7, "curl: (7) Failed to connect to example.org port 443: Connection refused"),
    ("network", 22, "curl: (22) The requested URL returned error: 503"),
    ("network", 28, "curl: (28) Operation timed out after 30001 milliseconds with 0 bytes received"),
    ("network", 4, "wget: unable to resolve host address 'example.org'"),
    ("network", 1, "npm ERR! network request to https://npm.example.org/x failed, reason: connect ETIMEDOUT"),
    ("network", 1, "npm error code ECONNRESET"),
    ("network", 1, "npm ERR! 503 Service Unavailable - GET https://npm.example.org/x"),
    ("network", 1, 'error An unexpected error occurred: "https://yarn.example.org/x: getaddrinfo ENOTFOUND x".'),
    ("network", 1, "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='x', port=443)"),
    ("network", 1, "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError'"),
    ("network", 2, "error: Request failed after 3 retries: error sending request for url (https://x.example.org/)"),
    ("network", 128, "fatal: unable to access 'https://git.example.org/a/b/': Could not resolve host: git.example.org"),
    ("network", 128, "fatal: unable to access 'https://git.example.org/a/': The requested URL returned error: 502"),
    ("network", 128, "error: RPC failed; curl 56 GnuTLS recv error (-9): Error decoding the received TLS packet."),
    ("network", 255, "ssh: connect to host git.example.org port 22: Connection timed out"),
    ("network", 100, "E: Failed to fetch http://deb.example.org/x  Temporary failure resolving 'deb.example.org'"),
    ("network", 1, 'go: x.org/x@v1: Get "https://p.example.org/x": dial tcp: lookup p.example.org: no such host'),
    ("network", 1, 'go: x@v1: Get "https://p.example.org/x": net/http: TLS handshake timeout'),
    ("network", 101, "warning: spurious network error (3 tries remaining): [6] Could not resolve hostname"),
    ("network", 1, 'Error response from daemon: Get "https://r.example.org/v2/": net/http: TLS handshake timeout'),
    ("network", 1, "ERROR: failed to solve: alpine: failed to do request: dial tcp 1.2.3.4:443: i/o timeout"),
    ("network", 1, "[ERROR] Could not transfer artifact a:b:jar:1 from/to c (https://m.example.org): Read timed out"),
    ("network", 1, "> Could not GET 'https://m.example.org/x.pom'. Received status code 503 from server: Unavailable"),
    # Near misses.
    ("", 1, "the message was: out of memory"),
    ("", 1, "assert 'MemoryError' in output"),
    ("", 1, "test_memory_error (MemoryError expected) raised nothing"),
    ("", 1, "retrying: std::bad_alloc was caught and handled"),
    ("", 1, "Error: ENOSPC: System limit for number of file watchers reached"),
    ("", 1, "the disk is nearly full: 3% left"),
    ("", 1, "Error: connect ECONNREFUSED 10.0.0.7:5432"),
    ("", 1, "connection refused"),
    ("", 1, "requests.exceptions.ConnectionError: HTTPConnectionPool(host='api', port=80)"),
    ("", 7, "curl: (7) Failed to connect to localhost port 3000: Connection refused"),
    ("", 7, "curl: (7) Failed to connect to 127.0.0.1 port 3000 after 0 ms: Connection refused"),
    ("", 22, "curl: (22) The requested URL returned error: 404"),
    ("", 1, "npm ERR! code E404"),
    ("", 1, "npm ERR! code ELIFECYCLE"),
    ("", 128, "fatal: unable to access 'https://git.example.org/a/': The requested URL returned error: 403"),
    ("", 128, "fatal: could not read Username for 'https://git.example.org': terminal prompts disabled"),
    ("", 100, "E: Unable to locate package nosuch"),
    ("", 1, "ERROR: No matching distribution found for nosuch"),
    ("", 1, "go: example.org/x@v9: reading https://p.example.org/x: 404 Not Found"),
    ("", 1, "Error response from daemon: pull access denied for octo/app"),
    ("", 1, "server_test.go:12: dial tcp 10.0.0.1:80: i/o timeout"),
    ("", 1, "test timed out after 30 s"),
    ("", 1, "HTTP 503 Service Unavailable"),
)


@pytest.mark.parametrize(("outcome", "end", "expected"), ENDS)
def test_the_end_of_a_process_says_it(outcome: Result, end: End, expected: FailureCategory) -> None:
    assert category(outcome, end, ()) == expected


@pytest.mark.parametrize(("expected", "exit_code", "line"), TEXTS)
def test_a_tools_own_words_say_it(expected: FailureCategory, exit_code: int, line: str) -> None:
    output = ["working", f"\x1b[31m{line}\x1b[0m", "done"]
    assert category("failure", End(exit_code), output) == expected
    assert category("success", End(0), output) == ""


@pytest.mark.parametrize("line", [line for expected, _, line in TEXTS if expected not in ("", "signal")])
def test_where_a_test_is_named_the_words_are_its_own(line: str) -> None:
    output = [line, "FAILED tests/test_a.py::test_b - AssertionError", "1 failed in 3s"]
    assert category("failure", End(1), output) == ""
    assert category("failure", End(1, disk_full=True), output) == "disk full"


@given(st.lists(st.text(), max_size=20), st.integers(0, 255))
def test_any_output_has_a_category_or_none(lines: list[str], exit_code: int) -> None:
    assert category("failure", End(exit_code), lines) in ("", "signal", "out of memory", "disk full", "network")
