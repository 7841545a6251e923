"""A device as tests see it: vouch-agent with a home of its own, and what it left there."""
import ctypes
import json
import os
import select
import socket
import stat
import struct
import subprocess
import threading
import time

import vouch

AGENT = str(vouch.BUILD / "vouch-agent")


class Device:
    """Over `vouch.Server` or anything that has its claim(folder), port and root."""

    def __init__(self, tmp_path, port, cert, key, root, thing="rough"):
        self.home, self.port, self.cert, self.key, self.root, self.thing = str(tmp_path / "home"), port, cert, key, root, thing
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        self.state = os.path.join(self.home, ".vouch-agent")
        self.environment = {}

    def flags(self, *extra):
        return [AGENT, "--enable-fleet-provisioning", "true", "--endpoint", "localhost", "--port", str(self.port), "--cert", self.cert,
                "--key", self.key, "--root-ca", self.root, "--thing-name", self.thing, "--fleet-provisioning-template-name", vouch.TEMPLATE,
                "--fleet-provisioning-template-parameters", json.dumps({"ThingName": self.thing}), "--once", *extra]

    def env(self, **more):
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return {**clean, "HOME": self.home, "LOCK_FILE_PATH": self.home, **self.environment, **more}

    def run(self, *extra, command=None, timeout=60, before=None, **env):
        done = subprocess.run(command or self.flags(*extra), env=self.env(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout, preexec_fn=before)
        self.output = done.stdout + done.stderr
        assert "PRIVATE KEY" not in self.output
        return done.returncode

    def start(self, *extra, command=None, **env):
        return subprocess.Popen(command or self.flags(*extra), env=self.env(**env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def path(self, *parts):
        return os.path.join(self.state, *parts)

    def runtime(self):
        with open(self.path("aws-iot-device-client-runtime.conf")) as file:
            return json.load(file)["runtime-config"]

    def files(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.state) for folder, _, names in os.walk(self.state) for name in names)

    def check_whole(self):
        """Nothing half-written: every file reads as what its name says, and no temporary is left."""
        for name in self.files():
            with open(self.path(name)) as file:
                text = file.read()
            assert not name.endswith(".tmp"), name
            if name.endswith((".crt", ".key")):
                assert text.startswith("-----BEGIN ") and text.rstrip().endswith("-----"), name
            elif name.endswith((".conf", ".json")):
                json.loads(text)

    def check_private(self):
        for name in self.files():
            mode = stat.S_IMODE(os.stat(self.path(name)).st_mode)
            if ".key" in name or "journal" in name:
                assert mode == 0o600, (name, oct(mode))
        assert stat.S_IMODE(os.stat(self.path("keys")).st_mode) == 0o700

    def secrets(self):
        """Lines that may stand in key files and the journal alone."""
        lines = set()
        for name in self.files():
            if name.endswith(".key"):
                with open(self.path(name)) as file:
                    lines |= {line for line in file.read().splitlines() if line and not line.startswith("-")}
        return lines


class Watcher:
    """inotify over a folder and what appears in it: the mode of every file at the moment it is made, written, moved."""
    CREATE, MODIFY, ATTRIB, CLOSE_WRITE, MOVED_TO, ISDIR = 0x100, 0x2, 0x4, 0x8, 0x80, 0x40000000

    def __init__(self, folder):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.fd >= 0
        self.folders, self.seen, self.bad, self.stopping = {}, [], [], False
        self.add(folder)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def add(self, folder):
        mask = self.CREATE | self.MODIFY | self.ATTRIB | self.CLOSE_WRITE | self.MOVED_TO
        number = self.libc.inotify_add_watch(self.fd, str(folder).encode(), mask)
        if number < 0:
            return
        self.folders[number] = str(folder)
        for entry in os.scandir(folder):
            self.look(entry.path)
            if entry.is_dir(follow_symlinks=False):
                self.add(entry.path)

    def look(self, path):
        try:
            mode = stat.S_IMODE(os.lstat(path).st_mode)
        except FileNotFoundError:
            return
        self.seen.append((os.path.basename(path), mode))
        if mode & 0o077 and any(word in os.path.basename(path) for word in (".key", "journal")):
            self.bad.append((path, oct(mode)))
        try:
            with open(path) as file:
                if "PRIVATE KEY" in file.read() and mode & 0o077:
                    self.bad.append((path, oct(mode)))
        except (OSError, UnicodeDecodeError):
            pass

    def loop(self):
        while not self.stopping:
            if not select.select([self.fd], [], [], 0.05)[0]:
                continue
            data = os.read(self.fd, 65536)
            while data:
                number, mask, _, length = struct.unpack("iIII", data[:16])
                name, data = data[16:16 + length].rstrip(b"\0").decode(), data[16 + length:]
                folder = self.folders.get(number)
                if folder is None:
                    continue
                path = os.path.join(folder, name)
                if mask & self.ISDIR and mask & self.CREATE:
                    self.add(path)
                elif not mask & self.ISDIR:
                    self.look(path)

    def stop(self):
        time.sleep(0.15)
        self.stopping = True
        self.thread.join()
        os.close(self.fd)
        return self


class Proxy:
    """An HTTP proxy by hand: CONNECT to where it is asked, or what the test wants instead."""

    def __init__(self, credentials=None, address="127.0.0.1"):
        self.on_request = None   # called when a request is whole, before it is answered
        self.credentials, self.requests, self.pairs = credentials, [], []
        self.answer = None       # bytes instead of what it would say
        self.cut_after = None    # bytes towards the server after which both ends are cut
        self.listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.unplug()

    def unplug(self):
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        head = b""
        try:
            while not head.endswith(b"\r\n\r\n"):
                byte = near.recv(1)
                if not byte:
                    return
                head += byte
            self.requests.append(head.decode())
            if self.on_request:
                self.on_request()
            if self.answer is not None:
                near.sendall(self.answer)
                near.close()
                return
            if self.credentials and ("Proxy-Authorization: Basic %s\r\n" % self.credentials) not in self.requests[-1]:
                near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
                near.close()
                return
            host, port = head.split(b" ")[1].decode().rsplit(":", 1)
            far = socket.create_connection((host.strip("[]"), int(port)), 10)
            self.pairs.append((near, far))
            near.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            threading.Thread(target=self.pump, args=(far, near, None), daemon=True).start()
            self.pump(near, far, self.cut_after)
        except OSError:
            near.close()

    def pump(self, source, sink, limit):
        total = 0
        try:
            while True:
                data = source.recv(65536)
                total += len(data)
                if not data or (limit is not None and total > limit):
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
