"""The ends of failed commands as tools print them, with holes for what differs between two attempts on two hosts."""

from __future__ import annotations

from typing import NamedTuple


class Failed(NamedTuple):
    exit_code: int
    text: str
    said: str
    """A part of the line that is to be found."""


HOSTS: tuple[dict[str, str], ...] = (
    {
        "ws": "/home/runner/work/app/app",
        "tmp": "/tmp/tmpab3f9xq_",
        "n": "17",
        "big": "1234567",
        "t": "2026-11-24T16:14:27.123Z",
        "date": "Tue Nov 24 16:14:27 UTC 2026",
        "d": "0.12s",
        "sec": "1m 3s",
        "hex": "3f2a1bc9d0",
        "uuid": "6f1cab12-1234-4f34-9234-123456789012",
        "ptr": "0x7f3a2c001b20",
        "port": "38211",
        "ip": "10.0.0.7",
        "red": "\x1b[31m",
        "off": "\x1b[0m",
        "gw": "gw0",
    },
    {
        "ws": "/var/lib/firebreak/jobs/9/work",
        "tmp": "/tmp/tmpzz81kd4m",
        "n": "8",
        "big": "98765432",
        "t": "2027-01-03T01:02:03.4Z",
        "date": "Sun Jan 3 01:02:03 UTC 2027",
        "d": "12.7s",
        "sec": "59s",
        "hex": "00c0ffee99",
        "uuid": "00000000-aaaa-4bbb-8ccc-dddddddddddd",
        "ptr": "0x55d0",
        "port": "5001",
        "ip": "192.168.122.4",
        "red": "",
        "off": "",
        "gw": "gw3",
    },
)

OUTPUTS: dict[str, Failed] = {
    "pytest assertion": Failed(
        1,
        "    def test_total():\n"
        ">       assert total([1, 2]) == {n}\n"
        "E       assert 3 == {n}\n"
        "{ws}/tests/test_cart.py:{n}: AssertionError\n"
        "=========================== short test summary info ============================\n"
        "FAILED tests/test_cart.py::test_total - assert 3 == {n}\n"
        "========================= 1 failed, {n} passed in {d} ==========================",
        "test_cart.py::test_total",
    ),
    "pytest another test": Failed(
        1,
        "FAILED tests/test_cart.py::test_empty - assert {n} == 0\n=== 1 failed, {n} passed in {d} ===",
        "test_cart.py::test_empty",
    ),
    "pytest in parallel": Failed(
        1,
        "[{gw}] linux -- Python 3.11.{n} {ws}/.venv/bin/python\n"
        "FAILED tests/test_io.py::test_write - OSError: cannot write to {tmp}/a\n"
        "=== 1 failed in {d} ===",
        "OSError: cannot write to",
    ),
    "pytest collection": Failed(
        2,
        "ERROR tests/test_api.py - ModuleNotFoundError: No module named 'httpx'\n"
        "!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!\n"
        "=== 1 error in {d} ===",
        "No module named 'httpx'",
    ),
    "unittest": Failed(
        1,
        "FAIL: test_upper (tests.test_text.TextTest.test_upper)\n"
        "------\n"
        "Traceback (most recent call last):\n"
        '  File "{ws}/tests/test_text.py", line {n}, in test_upper\n'
        "AssertionError: 'a' != 'A'\n"
        "\n"
        "Ran {n} tests in {d}\n"
        "\n"
        "FAILED (failures=1)",
        "test_text.TextTest.test_upper",
    ),
    "traceback": Failed(
        1,
        "Traceback (most recent call last):\n"
        '  File "{ws}/main.py", line {n}, in <module>\n'
        "    main()\n"
        "KeyError: 'token'",
        "KeyError: 'token'",
    ),
    "traceback of another error": Failed(
        1,
        "Traceback (most recent call last):\n"
        '  File "{ws}/main.py", line {n}, in <module>\n'
        "ValueError: invalid literal for int() with base 10: 'x'",
        "invalid literal",
    ),
    "traceback without words": Failed(
        1,
        'Traceback (most recent call last):\n  File "{ws}/a.py", line {n}, in f\nRecursionError',
        "RecursionError",
    ),
    "python is absent": Failed(
        127,
        "{ws}/ci.sh: line {n}: pythonista: command not found",
        "pythonista",
    ),
    "jest": Failed(
        1,
        "  {red}● adds 1 + 2 to equal 3{off}\n"
        "\n"
        "    expect(received).toBe(expected) // Object.is equality\n"
        "\n"
        "    Expected: 4\n"
        "    Received: 3\n"
        "\n"
        "      at Object.toBe ({ws}/src/sum.test.js:{n}:20)\n"
        "\n"
        "Test Suites: 1 failed, {n} total\n"
        "Tests:       1 failed, {n} passed, {n} total\n"
        "Time:        {d}\n"
        "Ran all test suites.",
        "● adds",
    ),
    "jest another": Failed(
        1,
        "  ● user > logs in\n    Timeout - Async callback was not invoked",
        "● user > logs in",
    ),
    "jest cannot find": Failed(
        1,
        "  ● Test suite failed to run\n\n    Cannot find module '../lib/x' from 'src/a.test.js'\n",
        "Test suite failed to run",
    ),
    "vitest": Failed(
        1,
        " FAIL  src/cart.test.ts > cart > adds an item\n"
        "AssertionError: expected 2 to be 3\n"
        " Tests  1 failed | {n} passed\n"
        "   Duration  {d}",
        "cart > adds an item",
    ),
    "mocha": Failed(
        1,
        "  {n} passing ({d})\n"
        "  1 failing\n"
        "\n"
        "  1) Parser reads an empty file:\n"
        "     Error: ENOENT: no such file or directory, open '{tmp}/empty.txt'\n"
        "      at Object.openSync (node:fs:{n}:3)",
        "Parser reads an empty file",
    ),
    "node": Failed(
        1,
        "node:internal/modules/cjs/loader:{n}\n"
        "  throw err;\n"
        "  ^\n"
        "\n"
        "Error: Cannot find module './config'\n"
        "Require stack:\n"
        "- {ws}/index.js\n"
        "    at Module._resolveFilename (node:internal/modules/cjs/loader:{n}:15)\n"
        "\n"
        "Node.js v24.{n}.0",
        "Cannot find module './config'",
    ),
    "node type error": Failed(
        1,
        "file://{ws}/src/run.mjs:{n}\n"
        "TypeError: Cannot read properties of undefined (reading 'id')\n"
        "    at file://{ws}/src/run.mjs:{n}:9",
        "reading 'id'",
    ),
    "npm 404": Failed(
        1,
        "npm ERR! code E404\n"
        "npm ERR! 404 Not Found - GET https://registry.example.org/left-pda - Not found\n"
        "npm ERR! 404\n"
        "npm ERR! A complete log of this run can be found in: /root/.npm/_logs/{t}-debug-0.log",
        "left-pda",
    ),
    "npm resolve": Failed(
        1,
        "npm error code ERESOLVE\n"
        "npm error ERESOLVE could not resolve\n"
        "npm error While resolving: app@1.{n}.0\n"
        "npm error A complete log of this run can be found in: {tmp}/_logs/{t}-debug-0.log",
        "could not resolve",
    ),
    "npm lock": Failed(
        1,
        "npm error code EUSAGE\n"
        "npm error `npm ci` can only install packages when your package.json and package-lock.json are "
        "in sync.\n"
        "npm error A complete log of this run can be found in: /root/.npm/_logs/{t}-debug-0.log",
        "in sync",
    ),
    "npm script": Failed(
        2,
        "> app@1.0.{n} build\n"
        "> tsc -p .\n"
        "\n"
        "src/a.ts({n},5): error TS2322: Type 'string' is not assignable to type 'number'.\n"
        "npm ERR! Lifecycle script `build` failed with error:\n"
        "npm ERR! Error: command failed",
        "TS2322",
    ),
    "tsc another code": Failed(
        2,
        "src/a.ts({n},5): error TS2345: Argument of type 'x'",
        "TS2345",
    ),
    "tsc another file": Failed(
        2,
        "src/b.ts({n},5): error TS2322: Type 'string' is not assignable to type 'number'.",
        "src/b.ts",
    ),
    "tsc pretty": Failed(
        2,
        "{red}src/c.ts{off}:{n}:5 - {red}error{off} TS2304: Cannot find name 'z'.\n\nFound 1 error in src/c.ts:{n}",
        "TS2304",
    ),
    "eslint": Failed(
        1,
        "{ws}/src/a.js\n  {n}:5  error  'x' is not defined  no-undef\n\n✖ 1 problem (1 error, 0 warnings)",
        "no-undef",
    ),
    "yarn": Failed(
        1,
        "error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.\n"
        "info Visit https://yarnpkg.com",
        "lockfile needs",
    ),
    "go test": Failed(
        1,
        "--- FAIL: TestServer ({d})\n    server_test.go:{n}: got 404, want 200\nFAIL\nFAIL\texample.org/app\t{d}\nFAIL",
        "TestServer",
    ),
    "go subtest": Failed(
        1,
        "--- FAIL: TestServer ({d})\n    --- FAIL: TestOther/empty ({d})\nFAIL",
        "TestOther/empty",
    ),
    "go compiles not": Failed(
        1,
        "# example.org/app\n./main.go:{n}:2: undefined: handle\nFAIL\texample.org/app [build failed]",
        "undefined: handle",
    ),
    "go panic": Failed(
        2,
        "panic: runtime error: index out of range [{n}] with length 3\n"
        "\n"
        "goroutine {n} [running]:\n"
        "main.main()\n"
        "\t{ws}/main.go:{n} +{ptr}\n"
        "exit status 2",
        "index out of range",
    ),
    "go module": Failed(
        1,
        "go: example.org/x@v1.2.3: reading https://proxy.golang.org/example.org/x: 404 Not Found",
        "example.org/x",
    ),
    "go vet": Failed(
        1,
        "./a.go:{n}:6: fmt.Printf format %d has arg s of wrong type string",
        "format %d",
    ),
    "cargo borrow": Failed(
        101,
        "error[E0382]: borrow of moved value: `x`\n"
        " --> src/main.rs:{n}:20\n"
        "  |\n"
        "\n"
        'error: could not compile `app` (bin "app") due to 1 previous error',
        "E0382",
    ),
    "cargo type": Failed(
        101,
        "error[E0308]: mismatched types\n --> src/main.rs:{n}:20\nerror: could not compile `app`",
        "E0308",
    ),
    "cargo test": Failed(
        101,
        "test tests::adds ... FAILED\n"
        "\n"
        "failures:\n"
        "\n"
        "---- tests::adds stdout ----\n"
        "thread 'tests::adds' panicked at src/lib.rs:{n}:9:\n"
        "assertion `left == right` failed\n"
        "test result: FAILED. {n} passed; 1 failed; finished in {d}",
        "tests::adds",
    ),
    "cargo lock": Failed(
        101,
        "error: the lock file {ws}/Cargo.lock needs to be updated but --locked was passed",
        "Cargo.lock needs",
    ),
    "gcc": Failed(
        2,
        "{ws}/src/a.c:{n}:5: error: 'y' undeclared (first use in this function)\nmake: *** [Makefile:{n}: a.o] Error 1",
        "'y' undeclared",
    ),
    "gcc header": Failed(
        2,
        "src/a.c:1:10: fatal error: zlib.h: No such file or directory\n"
        "compilation terminated.\n"
        "make[1]: *** [Makefile:{n}: all] Error 1\n"
        "make: *** [Makefile:{n}: sub] Error 2",
        "zlib.h",
    ),
    "ld": Failed(
        1,
        "/usr/bin/ld: /tmp/ccAbC{n}9.o: in function `main':\n"
        "a.c:(.text+{ptr}): undefined reference to `foo'\n"
        "collect2: error: ld returned 1 exit status",
        "undefined reference to `foo'",
    ),
    "make no rule": Failed(
        2,
        "make: *** No rule to make target 'tset'.  Stop.",
        "tset",
    ),
    "make recipe": Failed(
        2,
        "checking things\nmake: *** [Makefile:{n}: lint] Error 1",
        "checking things",
    ),
    "cmake": Failed(
        1,
        "CMake Error at CMakeLists.txt:{n} (find_package):\n  By not providing FindX.cmake",
        "CMake Error at",
    ),
    "ninja": Failed(
        1,
        "FAILED: src/a.o\n../src/a.cc:{n}:3: error: expected ';'\nninja: build stopped.",
        "expected ';'",
    ),
    "maven compile": Failed(
        1,
        "[INFO] Scanning for projects...\n"
        "[ERROR] {ws}/src/main/java/App.java:[{n},12] cannot find symbol\n"
        "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.{n}.0:compile\n"
        "[ERROR] -> [Help 1]\n"
        "[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.",
        "App.java",
    ),
    "maven test": Failed(
        1,
        "[ERROR]   AppTest.adds:{n} expected:<3> but was:<{n}>\n"
        "[ERROR] Tests run: {n}, Failures: 1\n"
        "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.1.{n}:test",
        "AppTest.adds",
    ),
    "maven dependency": Failed(
        1,
        "[ERROR] Failed to execute goal on project app: Could not resolve dependencies: "
        "org.x:y:jar:1.{n} was not found\n"
        "[ERROR] -> [Help 1]",
        "org.x:y",
    ),
    "gradle": Failed(
        1,
        "> Task :test FAILED\n"
        "\n"
        "CartTest > adds() FAILED\n"
        "    java.lang.AssertionError at CartTest.java:{n}\n"
        "\n"
        "FAILURE: Build failed with an exception.\n"
        "\n"
        "* What went wrong:\n"
        "Execution failed for task ':test'.\n"
        "\n"
        "* Try:\n"
        "> Run with --stacktrace\n"
        "\n"
        "BUILD FAILED in {sec}",
        "CartTest > adds()",
    ),
    "java": Failed(
        1,
        'Exception in thread "main" java.lang.IllegalStateException: not ready\n\tat org.x.App.main(App.java:{n})',
        "IllegalStateException",
    ),
    "pip version": Failed(
        1,
        "ERROR: Could not find a version that satisfies the requirement nosuch==9.9 (from versions: "
        "1.0, 1.{n})\n"
        "ERROR: No matching distribution found for nosuch==9.9",
        "nosuch",
    ),
    "pip build": Failed(
        1,
        "  error: subprocess-exited-with-error\n"
        "  \u00d7 python setup.py egg_info did not run successfully.\n"
        "  ERROR: Failed building wheel for lxml\n"
        "{tmp}/pip-req-build-{hex}",
        "",
    ),
    "uv": Failed(
        1,
        "  \u00d7 No solution found when resolving dependencies:\n"
        "  ╰─▶ Because nosuch was not found in the package registry",
        "No solution found",
    ),
    "docker build": Failed(
        1,
        "#{n} {d} E: Unable to locate package nosuch\n"
        '#{n} ERROR: process "/bin/sh -c apt-get install nosuch" did not complete successfully: exit '
        "code: 100\n"
        "Dockerfile:{n}\n"
        'ERROR: failed to solve: process "/bin/sh -c apt-get install nosuch" did not complete '
        "successfully: exit code: 100",
        "nosuch",
    ),
    "docker pull": Failed(
        125,
        "Unable to find image 'octo/app:{n}' locally\n"
        "docker: Error response from daemon: pull access denied for octo/app",
        "pull access denied",
    ),
    "docker daemon": Failed(
        1,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?",
        "Docker daemon",
    ),
    "docker port": Failed(
        125,
        "Error response from daemon: driver failed programming: Bind for 0.0.0.0:{port} failed: port is allocated",
        "Bind for",
    ),
    "bash unbound": Failed(
        1,
        "{ws}/../_temp/{uuid}.sh: line {n}: TOKEN: unbound variable",
        "TOKEN: unbound variable",
    ),
    "bash no such file": Failed(
        1,
        "cat: config/missing.yml: No such file or directory",
        "missing.yml",
    ),
    "bash permission": Failed(
        126,
        "{tmp}/{uuid}.sh: line {n}: ./build.sh: Permission denied",
        "./build.sh",
    ),
    "bash own words": Failed(
        3,
        "checked {n} files\nthe generated code is not up to date",
        "not up to date",
    ),
    "bash timed": Failed(
        1,
        "{t} deploy: ERROR stage two refused the release {hex}",
        "refused the release",
    ),
    "date": Failed(
        1,
        "{date} check: Error: certificate has expired",
        "certificate has expired",
    ),
    "git": Failed(
        128,
        "fatal: couldn't find remote ref refs/heads/topic",
        "couldn't find remote ref",
    ),
    "git conflict": Failed(
        1,
        "CONFLICT (content): Merge conflict in src/a.py\nAutomatic merge failed",
        "Merge conflict in",
    ),
    "curl": Failed(
        22,
        "curl: (22) The requested URL returned error: 404",
        "error: 404",
    ),
    "curl another status": Failed(
        22,
        "curl: (22) The requested URL returned error: 403",
        "error: 403",
    ),
    "connection": Failed(
        1,
        "Error: connect ECONNREFUSED {ip}:{port}",
        "ECONNREFUSED",
    ),
    "segmentation": Failed(
        139,
        "{ws}/run.sh: line {n}: {big} Segmentation fault (core dumped) ./app",
        "Segmentation fault",
    ),
    "rspec": Failed(
        1,
        "Finished in {d}\n{n} examples, 1 failure\n\nrspec ./spec/cart_spec.rb:{n} # Cart is empty",
        "Cart is empty",
    ),
    "ruby": Failed(
        1,
        "{ws}/lib/a.rb:{n}:in `run': undefined method `x' for nil (NoMethodError)",
        "NoMethodError",
    ),
    "php": Failed(
        255,
        "PHP Fatal error:  Uncaught TypeError: f() in {ws}/src/a.php:{n}",
        "Uncaught TypeError",
    ),
    "dotnet": Failed(
        1,
        "{ws}/src/App.cs({n},9): error CS1002: ; expected [{ws}/src/App.csproj]",
        "CS1002",
    ),
    "terraform": Failed(
        1,
        "╷\n│ Error: Invalid reference\n│ \n│   on main.tf line {n}:\n╵",
        "Invalid reference",
    ),
    "apt": Failed(
        100,
        "Reading package lists...\nE: Unable to locate package nosuch",
        "E: Unable to locate package",
    ),
    "kubernetes": Failed(
        1,
        'error: deployment "web" exceeded its progress deadline',
        "progress deadline",
    ),
}
