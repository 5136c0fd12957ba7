"""Runs in the fake's machine as its first process: what an sshd would do. Each connection is one command of bash's."""

import json
import os
import socket
import subprocess
import sys
import threading


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    with connection, connection.makefile("rwb") as stream:
        asked = json.loads(stream.readline())
        stream.write(json.dumps(run(asked["code"], asked["seconds"])).encode() + b"\n")


def run(code, seconds):
    command = ["bash", "-c", code]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, cwd="/", check=False
        )
    except subprocess.TimeoutExpired:
        return {"exit_code": 124, "stdout": "", "stderr": "timed out"}
    except OSError as trouble:
        return {"exit_code": 255, "stdout": "", "stderr": str(trouble)}
    return {
        "exit_code": done.returncode,
        "stdout": done.stdout.decode(errors="replace"),
        "stderr": done.stderr.decode(errors="replace"),
    }


if __name__ == "__main__":
    # A reader of a pipe that is at its end, kept as the init's input: nothing of the host is open here.
    number = int(sys.argv[1])
    listening = socket.socket(fileno=number)
    os.set_inheritable(number, False)
    serve(listening)
