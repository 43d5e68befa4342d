"""A Dockerfile carried out without a container engine: its steps, in order, in folders.

A stage begins as a copy of the base's root file system; COPY copies, RUN runs in it by chroot. What
an engine adds when a container runs (read-only root, no capabilities, no new privileges, another
account, tmpfs) is done with the kernel's own means. Layers, and the base's own image, are not.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
BORROWED = ("/etc/resolv.conf", "/etc/hosts", CERTIFICATES)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """Give the instructions of a Dockerfile, each as its word and the rest."""
    text = dockerfile.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word, rest.strip()


@dataclass
class Stage:
    """One stage: its root file system, and what later instructions find set."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": SYSTEM_PATH})
    folder: str = "/"
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        """Say where a path of the image is on this machine."""
        return self.root / str(Path(self.folder) / path).lstrip("/")

    def run(self, command: str) -> None:
        """Run a command of the shell in it, as root."""
        given = [f"{name}={value}" for name, value in self.environment.items()]
        inner = f"cd {shlex.quote(self.folder)} && {command}"
        whole = ["chroot", str(self.root), "env", *given, f"PIP_CERT={CERTIFICATES}"]
        subprocess.run([*whole, "/bin/sh", "-c", inner], check=True)


def debian(folder: Path, suite: str) -> Path:
    """Make the root file system of a small Debian with Python, from Debian's own packages."""
    include = "--include=python3,python3-venv,ca-certificates,systemd,systemd-sysv"
    subprocess.run(["debootstrap", "--variant=minbase", include, suite, folder], check=True)
    return folder


def built(dockerfile: Path, base: Path, folder: Path) -> Stage:
    """Carry out a Dockerfile and give its last stage."""
    stages: dict[str, Stage] = {}
    last: Stage | None = None
    for word, rest in instructions(dockerfile):
        if word == "ARG":
            continue
        if word == "FROM":
            name = rest.partition(" AS ")[2] or "last"
            last = stages[name] = begun(base, folder / name)
        elif last is not None:
            _carry_out(last, stages, word, rest)
    assert last is not None
    return last


def begun(base: Path, root: Path) -> Stage:
    """Begin a stage, or a machine, as a copy of the base."""
    subprocess.run(["cp", "--archive", "--reflink=auto", base, root], check=True)
    for each in BORROWED:
        shutil.copy(each, root / each.lstrip("/"))
    return Stage(root)


def _carry_out(stage: Stage, stages: Mapping[str, Stage], word: str, rest: str) -> None:
    match word:
        case "RUN":
            stage.run(rest)
        case "COPY":
            _copy(stage, stages, rest.split())
        case "WORKDIR":
            stage.folder = rest
            stage.inside("").mkdir(parents=True, exist_ok=True)
        case _:
            _set(stage, word, rest)


def _set(stage: Stage, word: str, rest: str) -> None:
    match word:
        case "ENV":
            for pair in shlex.split(rest):
                name, _, value = pair.partition("=")
                stage.environment[name] = value.replace("$PATH", stage.environment["PATH"])
        case "USER":
            stage.user = rest
        case "ENTRYPOINT":
            stage.entry = json.loads(rest)
        case "CMD":
            stage.command = json.loads(rest)
        case "HEALTHCHECK":
            stage.health = json.loads(rest.partition("CMD ")[2])
        case "LABEL" | "EXPOSE" | "STOPSIGNAL" | "VOLUME":
            pass
        case _:
            raise ValueError(f"the rehearsal does not know {word}")


def _copy(stage: Stage, stages: Mapping[str, Stage], words: list[str]) -> None:
    source_root = ROOT
    if words[0].startswith("--from="):
        source_root = stages[words.pop(0).removeprefix("--from=")].root
    *sources, target = words
    for each in sources:
        source = source_root / each.lstrip("/")
        place = stage.inside(target)
        if source.is_dir():
            shutil.copytree(
                source,
                place,
                symlinks=True,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__") if source_root == ROOT else None,
            )
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def run_hardened(stage: Stage, data: Path, script: str, **environment: str) -> str:
    """Run a shell script in it as a container of the compose example would; gives what it said.

    The root is read-only, /tmp a tmpfs, the data folder writable; no capability, no way to more.
    """
    root, user, group = stage.root, *stage.user.split(":")
    subprocess.run(["chown", f"{user}:{group}", data], check=True)
    given = [f"{n}={v}" for n, v in {**stage.environment, **environment}.items()]
    mounts = [
        f"mount --bind {root} {root}",
        f"mount -o remount,ro,bind {root}",
        f"mount --bind {data} {root}/var/lib/syncer",
        f"mount -t tmpfs -o noexec,nosuid,nodev,size=64m tmpfs {root}/tmp",
        f"mount -t proc proc {root}/proc",
    ]
    less = f"--reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all"
    inner = shlex.join(["env", "-i", *given, "/bin/sh", "-euc", f"cd {stage.folder}\n{script}"])
    whole = " && ".join([*mounts, f"exec chroot {root} setpriv {less} --inh-caps=-all {inner}"])
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", whole],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def boot(root: Path, script: str) -> str:
    """Boot the system in a folder with its own systemd, run a script there, give what it said.

    The script is to end the machine, with ``systemctl exit``.
    """
    (root / "rehearsal.sh").write_text(script)
    units = root / "etc" / "systemd" / "system"
    (units / "rehearsal.service").write_text(
        "[Unit]\nAfter=syncer.service\n[Service]\nType=oneshot\nExecStart=/bin/bash /rehearsal.sh\n"
    )
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    (wanted / "rehearsal.service").symlink_to("../rehearsal.service")
    steps = [
        "mount --make-rprivate /",
        f"mount --bind {root} {root}",
        f"cd {root}",
        "mount -t proc proc proc",
        "mount -t sysfs sysfs sys",
        "mount -t cgroup2 cgroup2 sys/fs/cgroup",
        "mount -t tmpfs -o mode=0755 tmpfs run",
        "mount -t tmpfs tmpfs tmp",
        "mount --rbind /dev dev",
        "pivot_root . mnt",
        "umount -l /mnt",
        "mount --make-rshared /",  # as a container's manager would
        "exec env -i container=other PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --system",
    ]
    apart = ["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child"]
    subprocess.run(
        ["unshare", *apart, "/bin/sh", "-ec", "\n".join(steps)], timeout=180, check=False
    )
    return (root / "rehearsal.log").read_text()
