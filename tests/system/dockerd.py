"""A Docker engine of our own, so that `docker` can be used as people use it."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.images import Image, write_archive
from tests.system.product import wait_until

DOCKERD = ["--iptables=false", "--bridge=none", "--storage-driver=vfs", "--log-level=error"]


@dataclass
class Docker:
    """dockerd on a socket in `folder`. Each `user` of run() has credentials of their own."""

    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def socket(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    def start(self) -> "Docker":
        self.folder.mkdir(parents=True, exist_ok=True)
        names = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        places = [f"{option}={self.folder / name}" for option, name in names.items()]
        with (self.folder / "dockerd.log").open("wb") as log:
            self.process = subprocess.Popen(
                [shutil.which("dockerd") or "/usr/sbin/dockerd", *DOCKERD, *places, "--host", self.socket],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: self.run("version", check=False).returncode == 0, within=60, what="dockerd")
        return self

    def stop(self) -> None:
        """Ends dockerd and the containerd that it started, by their process group."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)
        self.process = None

    def run(
        self, *arguments: str, user: str = "nobody", stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """docker ARGUMENTS with the credentials of `user`, who is whoever logged in under that name here."""
        folder = self.folder / "config" / user
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "DOCKER_HOST": self.socket, "DOCKER_CONFIG": str(folder)}
        done = subprocess.run(
            ["docker", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
            input=stdin,
            env=environment,
        )
        assert done.returncode == 0 or not check, f"docker {arguments}: {done.stdout}\n{done.stderr}"
        return done

    def load(self, image: Image, name: str) -> None:
        """Puts an image made by deploy.embedded.images into the engine, as `name`."""
        self.run("load", "--input", str(write_archive(image, self.folder / "image.tar", name=name)))
