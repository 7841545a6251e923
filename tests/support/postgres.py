#!/usr/bin/python3
"""A PostgreSQL cluster of our own: in a temporary folder, on a socket in it, run as an unprivileged user.

As a program it runs a command with the cluster's URL in VOUCH_TEST_POSTGRES and ends the cluster with it:
    postgres.py COMMAND...
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

USER = "postgres"
MEMORY, ROOM = "/dev/shm", 1 << 30


def programs():
    """The folder of initdb and postgres, the newest version."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    assert found, "PostgreSQL is not installed (Debian package postgresql)"
    return found[-1].parent


def place():
    """Where clusters live: in memory, when there is room, because a registry is some hundred files. What outlives a process is the same there."""
    try:
        room = os.statvfs(MEMORY)
        return MEMORY if room.f_bavail * room.f_frsize >= ROOM and os.access(MEMORY, os.W_OK) else None
    except OSError:
        return None


class Cluster:
    """`url(schema)` names a registry in it. stop() and start() are a database that goes and comes back."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="vouch-pg-", dir=place()))
        self.bin = programs()
        self.process = None
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.home, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", str(self.home / "data"), "-U", "vouch", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                 "--no-sync", "--no-instructions")

    def as_user(self, name, *words):
        """PostgreSQL refuses to run as root. It ends when this process does, however that ends."""
        command = ["setpriv", "--pdeathsig", "QUIT"]
        if os.geteuid() == 0:
            command += ["--reuid", USER, "--regid", USER, "--clear-groups"]
        return command + ["--", str(self.bin / name), *words]

    def run(self, name, *words):
        done = subprocess.run(self.as_user(name, *words), capture_output=True, text=True, cwd=self.home)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *options, timeout=60):
        words = ["-D", str(self.home / "data"), "-k", str(self.home), "-c", "listen_addresses=", "-c", "max_connections=200",
                 "-c", "shared_buffers=32MB", "-c", "autovacuum=off", "-c", "jit=off", "-c", "unix_socket_permissions=0777", *options]
        self.log = open(self.home / "postgres.log", "ab")
        self.process = subprocess.Popen(self.as_user("postgres", *words), stdout=self.log, stderr=self.log, cwd=self.home,
                                        start_new_session=True)
        deadline = time.monotonic() + timeout
        while subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", str(self.home), "-U", "vouch"]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("PostgreSQL did not start:\n" + (self.home / "postgres.log").read_text())
            time.sleep(0.02)
        return self

    def stop(self, how=signal.SIGINT):
        """SIGINT ends connections and stops; SIGQUIT stops at once, as a crash would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def url(self, schema=None):
        query = {"host": str(self.home), "user": "vouch"}
        if schema:
            query["options"] = f"-csearch_path={schema}"
        return "postgresql:///postgres?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote)

    def sql(self, text, schema=None):
        done = subprocess.run([str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(schema), "-c", text],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def schema(self, name):
        """A registry's place of its own."""
        self.sql(f"CREATE SCHEMA {name}")
        return self.url(name)

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def main(command):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    cluster = Cluster()
    try:
        cluster.start()
        return subprocess.run(command, env=dict(os.environ, VOUCH_TEST_POSTGRES=cluster.url())).returncode
    finally:
        cluster.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
