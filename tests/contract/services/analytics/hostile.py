"""What somebody might ask that is no question, by what is to become of it. `{out}` is a file that must not be made."""

from __future__ import annotations

NOT_ASKED = {
    "read a file": "SELECT * FROM read_text('/etc/passwd')",
    "read a file as bytes": "SELECT * FROM read_blob('/etc/passwd')",
    "read a file as CSV": "SELECT * FROM read_csv('/etc/passwd')",
    "read a file by its name": "SELECT * FROM '/etc/passwd'",
    "list files": "SELECT * FROM glob('/etc/*')",
    "read the environment": "SELECT getenv('HOME')",
    "read the environment's file": "SELECT * FROM read_text('/proc/self/environ')",
    "write a file": "COPY (SELECT 1) TO '{out}'",
    "write a file in a SELECT": "WITH x AS (COPY (SELECT 1) TO '{out}') SELECT 1",
    "write a file by query()": "SELECT * FROM query('COPY (SELECT 1) TO ''{out}''')",
    "write a file and show it": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
    "delete in a SELECT": "WITH d AS (DELETE FROM run_fact RETURNING *) SELECT * FROM d",
    "delete": "DELETE FROM run_fact",
    "attach": "ATTACH '{out}' AS other",
    "attach memory": "ATTACH ':memory:' AS other",
    "export": "EXPORT DATABASE '{out}'",
    "import": "IMPORT DATABASE '/etc'",
    "install": "INSTALL httpfs",
    "load": "LOAD httpfs",
    "load a library": "LOAD '/usr/lib/x86_64-linux-gnu/libc.so.6'",
    "set": "SET memory_limit = '100GB'",
    "allow itself files": "SET enable_external_access = true",
    "spill": "SET temp_directory = '{out}'",
    "pragma": "PRAGMA enable_profiling = 'json'",
    "profile into a file": "PRAGMA profiling_output = '{out}'",
    "log into a file": "CALL enable_logging(storage_path = '{out}')",
    "keep a secret": "CREATE SECRET s (TYPE s3)",
    "a table of its own": "CREATE TEMP TABLE mine AS SELECT 1",
    "a transaction": "BEGIN",
    "checkpoint": "CHECKPOINT",
    "use Python's variables": "SELECT * FROM sys",
    "two statements": "SELECT 1; COPY (SELECT 1) TO '{out}'",
    "no statement": "-- nothing",
    "no SQL": "SELEC 1",
    "deep brackets": "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
    "deep calls": "SELECT " + "abs(" * 5_000 + "1" + ")" * 5_000,
    "deep selects": "SELECT * FROM " + "(SELECT * FROM " * 2_000 + "run_fact" + ")" * 2_000,
}
TOO_MUCH = {
    "a product to sort": "SELECT a.range::TEXT || b.range AS x FROM range(100000) a, range(100000) b ORDER BY x",
    "a list of all": "SELECT list(a.range + b.range) FROM range(1000000) a, range(1000000) b",
    "a long list": "SELECT len(range(1000000000))",
    "a long text": "SELECT repeat('x', 4000000000)",
    "texts that double": "WITH RECURSIVE r AS (SELECT 'x' AS x UNION ALL SELECT x || x FROM r) SELECT max(x) FROM r",
    "a format's width": "SELECT printf('%2000000000d', 1)",
    "wide rows": "SELECT repeat('x', 10000000) FROM range(1000)",
    "tables that double": "WITH c0 AS (SELECT 1 AS x), "
    + ", ".join(f"c{n} AS (SELECT * FROM c{n - 1} UNION ALL SELECT * FROM c{n - 1})" for n in range(1, 40))
    + " SELECT count(*) FROM c39",
    "a conversion": "SELECT 'x'::INTEGER",
}
TOO_LONG = {
    "a product": "SELECT count(*) FROM range(1000000000) a, range(100000) b",
    "a recursion": "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
    "sleep": "SELECT sleep_ms(100000)",
    "what heeds no interrupt": "SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))",
    "binding that heeds none": "SELECT " + "{'a': " * 900 + "1" + "}" * 900,
}
