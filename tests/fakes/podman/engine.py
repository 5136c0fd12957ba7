"""What podman says and refuses, as a program: `python3 -I -S engine.py STATE podman ARGUMENTS`; with `docker`, Docker.

Containers are files in the folder STATE and isolate nothing: what is run in one is run on the machine, its paths turned
back by the container's volumes. The rules are podman's: names are unique, networks exist before they are used and are
not removed while they are, only what was created can be started and only what runs can be entered, images are loaded or
pulled before they are used, unknown flags are errors.

    STATE/calls               a line of JSON a call: its arguments, and the names in its environment
    STATE/registry/<quoted>   an image that can be pulled: {"login": "user:password", "failures": n, "config": {...}}
    STATE/{images,containers,networks}/<quoted>
    an image's config         {"Env", "Health": checks that fail before one passes, "Ends": it does not stay running}
"""

import contextlib
import json
import os
import secrets
import shlex
import sys
import tarfile
import urllib.parse

VALUED = {
    "create": "name label network network-alias workdir publish volume env-file entrypoint health-cmd health-interval "
    "health-retries health-timeout health-start-period cpus user add-host e",
    "run": "name label network network-alias workdir volume env-file entrypoint e",
    "exec": "workdir env-file e",
    "build": "tag file",
    "pull": "authfile",
    "load": "input",
    "ps": "filter",
    "logs": "tail",
    "inspect": "format",
    "image inspect": "format",
    "network create": "label",
    "network inspect": "format",
    "version": "format",
}
PLAIN = {"pull": "quiet", "ps": "all quiet no-trunc", "rm": "force volumes", "run": "rm", "create": "privileged"}
PORTS_FROM = 40000


class Refused(Exception):
    def __init__(self, message, code=125):
        super().__init__(message)
        self.code = code


class State:
    def __init__(self, folder, docker):
        self.folder = folder
        self.docker = docker

    def path(self, kind, name):
        os.makedirs(f"{self.folder}/{kind}", exist_ok=True)
        return f"{self.folder}/{kind}/{urllib.parse.quote(name, safe='')}"

    def get(self, kind, name):
        with contextlib.suppress(FileNotFoundError), open(self.path(kind, name)) as file:
            return json.load(file)
        return None

    def put(self, kind, name, value):
        with open(self.path(kind, name) + ".new", "w") as file:
            json.dump(value, file)
        os.replace(self.path(kind, name) + ".new", self.path(kind, name))

    def remove(self, kind, name):
        os.unlink(self.path(kind, name))

    def all(self, kind):
        os.makedirs(f"{self.folder}/{kind}", exist_ok=True)
        names = sorted(urllib.parse.unquote(name) for name in os.listdir(f"{self.folder}/{kind}"))
        return {name: value for name in names if (value := self.get(kind, name)) is not None}

    def image(self, name):
        for known in (name, f"localhost/{name}", f"docker.io/library/{name}"):
            if (found := self.get("images", known)) is not None:
                return found
        raise Refused(f"Error: {name}: image not known")

    def container(self, name):
        for id, one in self.all("containers").items():
            if name in (id, one["name"]):
                return one
        raise Refused(f'Error: no container with name or ID "{name}" found: no such container')


def parsed(command, words):
    """Flags as lists of values, and the rest, which begins with the first word that is no flag."""
    flags, rest = {}, list(words)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if name in PLAIN.get(command, "").split():
            flags[name] = ["true"]
        elif name in VALUED.get(command, "").split():
            flags.setdefault(name, []).append(value if equals else rest.pop(0))
        else:
            raise Refused(f"Error: unknown flag: --{name}")
    return flags, rest


def variables(flags):
    env = {}
    for path in flags.get("env-file", []):
        with open(path) as file:
            env.update(line.rstrip("\n").split("=", 1) for line in file)
    for name in flags.get("e", []):
        if "=" in name:
            raise Refused(f"Error: the tests allow no value among the arguments: {name.split('=')[0]}")
        if name in os.environ:
            env[name] = os.environ[name]
    return env


def main(state, words):
    config = []
    if state.docker and words[0] == "--config":
        config, words = [f"{words[1]}/config.json"], words[2:]
    command = " ".join(words[:2]) if words[0] in ("network", "image", "healthcheck") else words[0]
    flags, rest = parsed(command, words[len(command.split()) :])
    if state.docker and (command == "healthcheck run" or "authfile" in flags):
        raise Refused(f"unknown command or flag: docker {command}")
    if config:
        flags["authfile"] = config
    found = globals().get("do_" + command.replace(" ", "_"))
    if found is None:
        raise Refused(f"Error: unrecognized command `podman {command}`")
    return found(state, flags, rest)


def do_version(state, flags, rest):
    print("4.9.0-fake")


def do_network_create(state, flags, rest):
    if state.get("networks", rest[0]) is not None:
        raise Refused("Error: network already exists")
    state.put("networks", rest[0], flags)
    print(rest[0])


def do_network_inspect(state, flags, rest):
    if state.get("networks", rest[0]) is None:
        raise Refused("Error: network not found")
    print("10.89.0.1")


def do_network_rm(state, flags, rest):
    if state.get("networks", rest[0]) is None:
        raise Refused(f"Error: unable to find network with name or ID {rest[0]}: network not found", 1)
    if any(one["network"] == rest[0] for one in state.all("containers").values()):
        raise Refused(f'Error: "{rest[0]}" has associated containers with it', 2)
    state.remove("networks", rest[0])


def do_pull(state, flags, rest):
    found = state.get("registry", rest[0])
    if found is None:
        raise Refused(f"Error: initializing source docker://{rest[0]}: manifest unknown")
    if found.get("failures", 0) > 0:
        state.put("registry", rest[0], {**found, "failures": found["failures"] - 1})
        raise Refused("Error: connection reset by peer")
    if found.get("login") is not None and found["login"] != login(flags):
        raise Refused(f"Error: initializing source docker://{rest[0]}: unauthorized: authentication required")
    state.put("images", rest[0], found.get("config", {}))
    print(secrets.token_hex(32))


def login(flags):
    import base64

    if "authfile" not in flags:
        return None
    with open(flags["authfile"][0]) as file:
        (auth,) = json.load(file)["auths"].values()
    return base64.b64decode(auth["auth"]).decode()


def do_load(state, flags, rest):
    with tarfile.open(flags["input"][0]) as tar:
        (saved,) = json.load(tar.extractfile("manifest.json"))
        config = json.load(tar.extractfile(saved["Config"]))["config"]
    for tag in saved["RepoTags"]:
        name = tag if state.docker or "." in tag.split("/")[0] else f"localhost/{tag}"
        state.put("images", name, config)
        print(f"Loaded image: {name}")


def do_tag(state, flags, rest):
    state.put("images", rest[1], state.image(rest[0]))


def do_image_inspect(state, flags, rest):
    state.image(rest[0])
    print("id")


def do_build(state, flags, rest):
    with open(flags["file"][0]) as file:
        lines = [line.split(maxsplit=1) for line in file if line.strip()]
    if not os.path.isdir(rest[0]):
        raise Refused(f"Error: context must be a directory: {rest[0]}")
    made = {}
    for word, value in lines:
        match word.upper():
            case "FROM":
                made = dict(state.image(value.strip()))
            case "ENTRYPOINT" | "CMD":
                made[word.capitalize()] = json.loads(value)
            case "RUN" if "false" in value:
                raise Refused("Error: building at STEP: exit status 1", 1)
            case _:
                pass
    print("::error::a build is not obeyed")
    state.put("images", flags["tag"][0], made)


def made(state, flags, rest):
    name = flags["name"][0]
    if any(one["name"] == name for one in state.all("containers").values()):
        raise Refused(f'Error: creating container storage: the container name "{name}" is already in use')
    network = flags.get("network", [""])[0]
    if network and state.get("networks", network) is None:
        raise Refused(f"Error: unable to find network with name or ID {network}: network not found")
    image = state.image(rest[0])
    for volume in flags.get("volume", []):
        source = volume.split(":")[0]
        if ":" in volume and source.startswith("/") and not os.path.exists(source):
            if state.docker:
                os.makedirs(source)
                continue
            raise Refused(f"Error: statfs {source}: no such file or directory")
    env = {**dict(pair.split("=", 1) for pair in image.get("Env") or ()), **variables(flags)}
    entrypoint = flags.get("entrypoint") or image.get("Entrypoint") or []
    command = rest[1:] or ([] if "entrypoint" in flags else image.get("Cmd") or [])
    id = secrets.token_hex(32)
    return {
        "id": id, "name": name, "image": image, "env": env, "command": [*entrypoint, *command], "network": network,
        "label": flags.get("label", []), "volumes": flags.get("volume", []), "ports": flags.get("publish", []),
        "health": flags.get("health-cmd"), "retries": flags.get("health-retries"), "flags": flags, "running": False,
    }  # fmt: skip


def do_create(state, flags, rest):
    if not state.docker and any(host.endswith(":host-gateway") for host in flags.get("add-host", [])):
        raise Refused('Error: invalid IP address in add-host: "host-gateway"')
    one = made(state, flags, rest)
    state.put("containers", one["id"], one)
    print(one["id"])


def do_start(state, flags, rest):
    one = state.container(rest[0])
    if one["image"].get("Unstartable"):
        raise Refused("Error: OCI runtime error: executable file not found in $PATH", 127)
    state.put("containers", one["id"], {**one, "running": not one["image"].get("Ends")})
    print('time="now" level=error msg="unable to get systemd connection to add healthchecks"', file=sys.stderr)
    print(rest[0])


def do_inspect(state, flags, rest):
    one = state.container(rest[0])
    if flags["format"][0].startswith("{{if .State.Health"):
        print(health_of(state, one), str(one["running"]).lower())
        return
    ports = {}
    for place, port in enumerate(one["ports"]):
        outer, _, inner = port.rpartition(":")
        inner = inner if "/" in inner else f"{inner}/tcp"
        ports[inner] = [{"HostIp": "", "HostPort": outer or str(PORTS_FROM + place)}]
    health = None
    if one["health"] or "Health" in one["image"]:
        health = {
            "Test": one["health"],
            "Interval": 1000,
            "Timeout": 1000,
            "Retries": int((one["retries"] or ["1"])[0]),
        }
        health["Test"] = one["health"] or ["CMD", "of the image"]
    config = {"Env": [f"{name}={value}" for name, value in one["env"].items()], "Healthcheck": health}
    print(json.dumps({"Config": config, "State": {"Running": one["running"]}, "NetworkSettings": {"Ports": ports}}))


def health_of(state, one):
    """Docker checks by itself: here, each time that it is asked. Podman waits for somebody to check."""
    if not state.docker:
        return "starting"
    one["checks"] = one.get("checks", 0) + 1
    state.put("containers", one["id"], one)
    if one["checks"] > one["image"].get("Health", 0):
        return "healthy"
    return "unhealthy" if one["checks"] >= int((one["retries"] or ["1"])[0]) else "starting"


def do_healthcheck_run(state, flags, rest):
    one = state.container(rest[0])
    left = one["image"].get("Health", 0)
    if left > 0:
        one["image"]["Health"] = left - 1
        state.put("containers", one["id"], one)
        raise Refused("unhealthy", 1)


def do_exec(state, flags, rest):
    one = state.container(rest[0])
    if not one["running"]:
        raise Refused("Error: can only create exec sessions on running containers: container state improper")
    enter(one, {**one["env"], **variables(flags)}, flags["workdir"][0], rest[1:])


def do_run(state, flags, rest):
    one = made(state, flags, rest)
    env = one["env"]
    enter(one, env, flags["workdir"][0], one["command"])


def enter(one, env, folder, command):
    """Becomes what is run in the container. A real one would not see the machine's folders: that is held to here by
    refusing them among the variables."""
    back = sorted(
        (volume.split(":")[1::-1] for volume in one["volumes"] if ":" in volume), key=lambda pair: -len(pair[0])
    )

    def outside(text):
        for target, source in back:
            if text == target or text.startswith(target + "/"):
                return source + text[len(target) :]
        return text

    for name, value in env.items():
        if any(value == source or value.startswith(source + "/") for _, source in back) and name not in ("PWD",):
            raise Refused(f"Error: {name} names {value}, which is not in the container")
    env = {name: outside(value) for name, value in env.items()}
    env["PATH"] = ":".join([*map(outside, env.get("PATH", "").split(":")), "/usr/bin", "/bin"])
    env["SEEN"] = shlex.join([folder, *command])
    if not os.path.isdir(outside(folder)):
        raise Refused(f"Error: crun: chdir `{folder}`: No such file or directory", 127)
    os.chdir(outside(folder))
    sys.stdout.flush()
    try:
        os.execvpe(command[0], [outside(word) for word in command], env)
    except FileNotFoundError:
        raise Refused(f"Error: crun: executable file `{command[0]}` not found in $PATH", 127) from None


def do_logs(state, flags, rest):
    print(f"log of {state.container(rest[0])['name'][:4]}... with {' '.join(state.container(rest[0])['command'])}")


def do_ps(state, flags, rest):
    label = flags["filter"][0].removeprefix("label=")
    for id, one in state.all("containers").items():
        if label in one["label"]:
            print(id)


def do_rm(state, flags, rest):
    for name in rest:
        state.remove("containers", state.container(name)["id"])


if __name__ == "__main__":
    here = State(sys.argv[1], sys.argv[2] == "docker")
    os.makedirs(here.folder, exist_ok=True)
    with open(f"{here.folder}/calls", "a") as calls:
        calls.write(json.dumps([sys.argv[3:], sorted(os.environ)]) + "\n")
    try:
        main(here, sys.argv[3:])
    except Refused as refused:
        print(refused, file=sys.stderr)
        sys.exit(refused.code)
