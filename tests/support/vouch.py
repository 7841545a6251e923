"""A server of our own for one test module, and the clients that talk to it.

Everything is on loopback, every port is the kernel's choice, every file is in a temporary folder.
VOUCH_BUILD names the folder with the programs. VOUCH_STORE=postgres puts every registry into a PostgreSQL cluster
that lives as long as this process, each server's in a schema of its own.
"""
import atexit
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VOUCH_BUILD", SOURCE / "build"))
WORKSHOP = SOURCE / "examples" / "workshop"
ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/IoTFleetProvisioningRole"
TEMPLATE = "TrustedUserProvisioningTemplate"


class Stores:
    """The --store flags of servers by their data folder: one that starts again finds its registry."""

    cluster = None
    urls = {}

    @classmethod
    def flags(cls, data):
        if os.environ.get("VOUCH_STORE", "sqlite") == "sqlite":
            return []
        if not cls.cluster:
            import postgres
            cls.cluster = postgres.Cluster()
            atexit.register(cls.cluster.close)
            cls.cluster.start()
        if str(data) not in cls.urls:
            cls.urls[str(data)] = cls.cluster.schema(f"registry_{len(cls.urls)}")
        return ["--store", cls.urls[str(data)]]


class Exercised:
    """What the servers of this process answered: operation and error, or "-", in a file that VOUCH_EXERCISED names."""

    path = os.environ.get("VOUCH_EXERCISED")
    pairs = set()

    @classmethod
    def add(cls, log):
        if not cls.path:
            return
        cls.pairs |= {" ".join(pair) for pair in re.findall(r"\bop=(\w+) .*? reason=\S* error=(\S+) ", log)}
        pathlib.Path(cls.path).parent.mkdir(exist_ok=True)
        pathlib.Path(cls.path).write_text("".join(f"{pair}\n" for pair in sorted(cls.pairs)))


def policy_text(name):
    """A policy of the workshop, with the account put in, as the workshop asks."""
    return (WORKSHOP / name).read_text().replace(":account:", f":{ACCOUNT}:")


class Server:
    """One vouchd. `start` returns when it serves; `stop` checks that it ended in order."""

    def __init__(self, *flags, data=None, env=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="vouch-test-"))
        self.data = pathlib.Path(data) if data else self.home / "data"
        self.flags = list(flags)
        self.env = dict(os.environ, **(env or {}))
        self.log_path = self.home / "vouchd.log"
        self.process = None
        self.advanced = 0  # how far a test has moved its clock

    def start(self, timeout=60):
        command = [str(BUILD / "vouchd"), "--data", str(self.data), "--account", ACCOUNT, "--region", REGION]
        given = " ".join(self.flags)
        if "--store" not in given:
            command += Stores.flags(self.data)
        for flag, value in (("--api", "127.0.0.1:0"), ("--mqtt", "127.0.0.1:0"), ("--edge", "127.0.0.1:0")):
            if flag not in given:
                command += [flag, value]
        self.advanced = 0  # a new process begins with the true time
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command + self.flags, stdout=subprocess.PIPE, stderr=self.log, env=self.env,
                                        start_new_session=True)
        deadline = time.monotonic() + timeout
        os.set_blocking(self.process.stdout.fileno(), False)
        line = b""
        while not line.endswith(b"\n"):
            chunk = self.process.stdout.read()
            line += chunk or b""
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"vouchd did not become ready: {line!r}\n{self.log_text()[-4000:]}")
            if not chunk:
                time.sleep(0.01)
        assert line.startswith(b"ready "), line
        self.ready = dict(part.split("=", 1) for part in line.decode().split()[1:])
        self.api = self.ready["api"]
        self.mqtt_port = int(self.ready["mqtt"].rsplit(":", 1)[1])
        self.edge_port = int(self.ready["edge"].rsplit(":", 1)[1])
        self.ca = str(self.data / "ca.pem")
        self.admin = json.loads((self.data / "admin.json").read_text())
        return self

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text, timeout=10):
        deadline = time.monotonic() + timeout
        while text not in self.log_text():
            assert time.monotonic() < deadline, f"{text!r} not in the log:\n{self.log_text()[-3000:]}"
            time.sleep(0.02)

    def kill(self):
        """SIGKILL to every process of it, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stop(self, timeout=30):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("vouchd did not stop:\n" + self.log_text()[-3000:])
            self.process.stdout.close()
            self.process = None
            assert code == 0, f"vouchd ended with {code}:\n{self.log_text()[-4000:]}"
        text = self.log_text()
        assert "Sanitizer" not in text and "runtime error" not in text, text[-6000:]

    def close(self):
        try:
            self.stop()
        finally:
            Exercised.add(self.log_text())
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind and self.process:
            print(self.log_text()[-6000:])
        self.close()

    # ---- clients

    def environment(self, key=None):
        key = key or self.admin
        return dict(os.environ, AWS_ACCESS_KEY_ID=key["accessKeyId"], AWS_SECRET_ACCESS_KEY=key["secretAccessKey"],
                    AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION, AWS_CA_BUNDLE=self.ca, AWS_PAGER="",
                    AWS_EC2_METADATA_DISABLED="true", HOME=str(self.home), AWS_CONFIG_FILE="/nonexistent",
                    AWS_SHARED_CREDENTIALS_FILE="/nonexistent")

    def boto(self, service="iot", key=None, **config):
        import boto3
        import botocore.config
        key = key or self.admin
        return boto3.client(service, endpoint_url=self.api, verify=self.ca, region_name=REGION,
                            aws_access_key_id=key["accessKeyId"], aws_secret_access_key=key["secretAccessKey"],
                            config=botocore.config.Config(retries={"max_attempts": 0}, **config))

    def aws(self, *words, check=True, key=None):
        """The unmodified AWS CLI; its JSON output, or the finished process when check is off."""
        command = ["/usr/bin/aws", "--endpoint-url", self.api, *words]
        done = subprocess.run(command, env=self.environment(key), capture_output=True, text=True, timeout=120)
        if not check:
            return done
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def vouch(self, *words, check=True, data=True):
        command = [str(BUILD / "vouch")] + (["--data", str(self.data)] if data else []) + list(words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, HOME=str(self.home)))
        if check:
            assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr}"
        return done

    # ---- the workshop's state

    def prepare_workshop(self, iot=None):
        iot = iot or self.boto()
        iot.create_policy(policyName="TrustedUserProvisioningPolicy", policyDocument=policy_text("trusted-user-provisioning-policy.json"))
        iot.create_policy(policyName="pubsub", policyDocument=policy_text("pubsub-policy.json"))
        iot.create_provisioning_template(templateName=TEMPLATE, provisioningRoleArn=ROLE, enabled=True, type="FLEET_PROVISIONING",
                                         templateBody=(WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
        return iot

    def claim(self, iot=None, template=TEMPLATE):
        answer = (iot or self.boto()).create_provisioning_claim(templateName=template)
        return Identity(self.home, answer["certificateId"], answer["certificatePem"], answer["keyPair"]["PrivateKey"],
                        expiration=answer["expiration"])

    def advance_clock(self, seconds):
        import own
        own.call(self, "POST", "/_vouch/test/clock", {"advanceSeconds": seconds})
        self.advanced += seconds


class Identity:
    """A certificate and its key, in files that clients can load."""

    def __init__(self, home, name, certificate, key, **more):
        self.id = name
        self.certificate, self.key = certificate, key
        self.cert_file = str(pathlib.Path(home) / f"{name}.crt")
        self.key_file = str(pathlib.Path(home) / f"{name}.key")
        pathlib.Path(self.cert_file).write_text(certificate)
        descriptor = os.open(self.key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(key)
        self.__dict__.update(more)
