"""What bubblewrap is told to show."""

from __future__ import annotations

from services.vm_agent.sandbox.bubblewrap import view
from services.vm_agent.sandbox.bubblewrap.view import Folders, Inherited

INHERITED = Inherited(channel=10, info=11, block=12, agent=13, files={"/etc/passwd": 14})
ON_DISK = Folders(home="/h/home", tools="/h/tools", python=None)
IN_MEMORY = Folders(home=None, tools=None, python=None)


def told(folders: Folders = ON_DISK, *, network: bool = True, uid: int | None = None) -> str:
    return " ".join(view.arguments(INHERITED, folders, {"bin": "usr/bin"}, network=network, uid=uid))


def test_only_the_jobs_own_folders_are_writable() -> None:
    arguments = told().split(" ")
    binds = [
        arguments[i + 1 : i + 3] for i, word in enumerate(arguments) if word in ("--bind", "--dev-bind", "--bind-try")
    ]
    assert binds == [["/h/home", "/home/runner"], ["/h/tools", "/opt/hostedtoolcache"]]


def test_in_memory_nothing_of_the_host_is_writable() -> None:
    assert "--bind " not in told(IN_MEMORY)
    assert "--tmpfs /home/runner" in told(IN_MEMORY)


def test_nothing_of_the_hosts_homes_or_settings_is_shown() -> None:
    arguments = told()
    for place in ("/root", " /home ", "/etc /etc", "/etc/shadow", "/etc/gitconfig", "/etc/pip.conf", " / "):
        assert f"--ro-bind {place.strip()} " not in arguments
        assert f"--ro-bind-try {place.strip()} " not in arguments


def test_the_root_becomes_read_only_last() -> None:
    before, after = told().split("--remount-ro / ")
    assert "--bind" not in after
    assert "--tmpfs" not in after
    assert "--proc /proc" in before


def test_without_a_network_there_is_an_empty_one() -> None:
    assert "--unshare-net" not in told()
    assert "--unshare-net" in told(network=False)


def test_an_ordinary_user_gets_a_namespace_of_users_and_root_a_user_for_the_job() -> None:
    assert "--unshare-user --uid 1001 --gid 1001" in told()
    assert "CAP_SETUID" not in told()
    assert "--unshare-user" not in told(uid=70000)
    assert "--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID" in told(uid=70000)
    assert told(uid=70000).endswith(f"{view.AGENT_PATH} 10 70000")


def test_the_jobs_user_has_a_name() -> None:
    assert f"runner:x:{view.GUEST_UID}:" in view.files(None)["/etc/passwd"]
    assert "runner:x:70000:" in view.files(70000)["/etc/passwd"]
