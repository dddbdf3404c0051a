"""docker-compose.yml as the real `docker compose config` reads it: sound, confined, of one piece."""

from __future__ import annotations

import copy
import json
import re
import shlex
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.dockerfile import stages
from tests.deploy.repository import COMPOSE, DEPLOY, DOCKERFILE, KEYS, ROOT, compose, read_yaml, services

# Ends by itself, so it has nothing to be healthy about.
JOBS = {"publish"}
EXPECTED = {"seaweedfs", "publish", "core", "gateway", "prometheus", "grafana"}
STAGES = stages(DOCKERFILE.read_text(encoding="utf-8"))

Service = dict[str, Any]


def faults(name: str, service: Service) -> Iterator[str]:
    """What a service lacks of what every service has."""
    user = service.get("user", "")
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user):
        yield f"user {user!r} is not a number other than root's"
    if service.get("read_only") is not True:
        yield "its root can be written"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield "it has capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "it may gain privileges"
    if service.get("privileged") or service.get("network_mode") or service.get("pid"):
        yield "it shares what is the machine's"
    if not service.get("pids_limit"):
        yield "its processes are not bounded"
    if service.get("restart") != ("on-failure:3" if name in JOBS else "unless-stopped"):
        yield "it has no restart policy"
    check = service.get("healthcheck", {})
    if name in JOBS:
        if check != {"disable": True}:
            yield "a job is not asked for its health"
    elif not check.get("test") or not {"interval", "timeout", "start_period"} <= set(check):
        yield "it has no whole health check"
    for port in service.get("ports", []):
        if port.get("host_ip") != "127.0.0.1":
            yield f"port {port['target']} is published beyond this machine"
    if "build" in service:
        stage = STAGES.get(service["build"].get("target", ""))
        if stage is None:
            yield "it is built from a stage that is not there"
        elif stage.user and stage.user != user:
            yield f"its image's user is {stage.user}"
    elif not re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]):
        yield f"image {service['image']} is not pinned to a version"
    for mount in service.get("volumes", []):
        if mount["type"] == "bind" and not (mount.get("read_only") and Path(mount["source"]).exists()):
            yield f"{mount['target']} is not a folder of the repository, mounted to be read"


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.services = services()

    def test_the_services_are_those_of_the_topology(self) -> None:
        self.assertEqual(set(self.services), EXPECTED)

    def test_every_service_is_confined(self) -> None:
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertEqual(list(faults(name, service)), [])

    def test_a_service_that_is_not_is_found(self) -> None:
        for key, value in (
            ("user", None),
            ("user", "0:0"),
            ("user", "root"),
            ("read_only", False),
            ("cap_drop", ["NET_RAW"]),
            ("cap_add", ["SYS_ADMIN"]),
            ("security_opt", None),
            ("privileged", True),
            ("network_mode", "host"),
            ("restart", "no"),
            ("pids_limit", None),
            ("healthcheck", {"disable": True}),
            ("healthcheck", None),
            ("ports", [{"target": 8080, "host_ip": "0.0.0.0"}]),
            ("build", {"target": "gpu"}),
            ("volumes", [{"type": "bind", "source": "/", "target": "/host"}]),
        ):
            with self.subTest(f"{key}: {value}"):
                service = copy.deepcopy(self.services["core"])
                service[key] = value
                if value is None:
                    del service[key]
                self.assertNotEqual(list(faults("core", service)), [])
        floating = {**copy.deepcopy(self.services["prometheus"]), "image": "prom/prometheus:latest"}
        self.assertNotEqual(list(faults("prometheus", floating)), [])

    def test_no_key_has_a_default(self) -> None:
        for key in KEYS:
            with self.subTest(key):
                done = compose(COMPOSE, keys={**KEYS, key: ""})
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"{key} is missing a value: make keys writes it to .env", done.stderr)

    def test_make_keys_makes_them_all_and_anew(self) -> None:
        runs = [
            subprocess.run([DEPLOY / "make_keys.sh"], capture_output=True, text=True, check=True)
            for _ in "12"
        ]
        first, second = (dict(line.split("=", 1) for line in run.stdout.splitlines()) for run in runs)
        self.assertEqual(first.keys(), KEYS.keys())
        for key in ("OCELLUS_STORE_SECRET_KEY", "OCELLUS_GRAFANA_PASSWORD"):
            self.assertNotEqual(first[key], second[key])
            self.assertRegex(first[key], r"^[\w-]{32}$")

    def test_compose_refuses_what_it_does_not_know(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            broken = Path(folder) / "docker-compose.yml"
            text = COMPOSE.read_text(encoding="utf-8")
            broken.write_text(text.replace("    stop_grace_period:", "    stop_grace:"), encoding="utf-8")
            self.assertIn("stop_grace", compose(broken).stderr)

    def test_each_waits_for_what_it_needs(self) -> None:
        waits = {
            name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
            for name, service in self.services.items()
        }
        self.assertEqual(waits["publish"], {"seaweedfs": "service_healthy"})
        self.assertEqual(waits["core"], {"seaweedfs": "service_healthy"})
        self.assertEqual(waits["gateway"], {"core": "service_healthy"})

    def test_addresses_name_services_that_share_a_network(self) -> None:
        asks = [
            (name, value)
            for name, one in self.services.items()
            for value in one.get("environment", {}).values()
        ]
        scrapes = read_yaml(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
        targets = [
            target for scrape in scrapes for one in scrape["static_configs"] for target in one["targets"]
        ]
        asks += [("prometheus", f"http://{target}") for target in targets]
        sources = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
        asks += [("grafana", source["url"]) for source in sources]
        found = [
            (name, *match.groups())
            for name, value in asks
            if (match := re.match(r"http://([\w-]+):(\d+)", value))
        ]
        self.assertEqual(len(found), 6)
        serves = {
            "seaweedfs": {"8333"},
            "core": {"8500", "9090"},
            "gateway": {"9090"},
            "prometheus": {"9090"},
        }
        for name, host, port in found:
            with self.subTest(f"{name} asks {host}:{port}"):
                self.assertIn(port, serves[host])
                self.assertTrue(set(self.services[name]["networks"]) & set(self.services[host]["networks"]))

    def test_the_store_is_out_of_the_gateways_reach(self) -> None:
        networks = {name: set(service["networks"]) for name, service in self.services.items()}
        self.assertEqual(networks["gateway"] & networks["seaweedfs"], set())

    def test_variables_are_settings(self) -> None:
        files = (ROOT / "src/config").rglob("*.rs")
        settings = "".join(file.read_text(encoding="utf-8") for file in files)
        keys = re.findall(r'key: "([\w.]+)"', settings)
        known = {f"OCELLUS_{key.replace('.', '_').upper()}" for key in keys}
        used = {name for service in self.services.values() for name in service.get("environment", {})}
        used |= {name for stage in STAGES.values() for name in stage.variables}
        self.assertEqual({name for name in used if name.startswith("OCELLUS_")} - known, set())

    def test_what_a_server_writes_can_be_written(self) -> None:
        cache = STAGES["cpu"].variables["OCELLUS_CACHE_FOLDER"]
        for name in ("core", "gateway", "publish"):
            with self.subTest(name):
                service = self.services[name]
                volumes = [mount["target"] for mount in service.get("volumes", [])]
                folders = [*volumes, *(mount.split(":")[0] for mount in service["tmpfs"])]
                self.assertLessEqual({cache, "/tmp"}, set(folders))

    def test_the_gpu_file_changes_the_core_alone(self) -> None:
        done = compose(COMPOSE, DEPLOY / "cuda.yml")
        self.assertEqual(done.returncode, 0, done.stderr)
        changed = json.loads(done.stdout)["services"]
        core = changed.pop("core")
        self.assertEqual(changed, {name: one for name, one in self.services.items() if name != "core"})
        self.assertEqual(core["build"]["target"], "cuda")
        self.assertEqual(core["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"], ["gpu"])
        self.assertEqual(list(faults("core", core)), [])

    def test_the_store_is_started_as_the_stack_starts_it(self) -> None:
        command = self.services["seaweedfs"]["command"]
        stack = (ROOT / "tools/stack/seaweedfs.py").read_text(encoding="utf-8")
        own = {"-dir=/store", "-ip=127.0.0.1", "-ip.bind=0.0.0.0", "-bucket=models"}
        for argument in set(command) - own:
            self.assertIn(f'"{argument}"', stack, shlex.join(command))
        self.assertIn('BUCKET = "models"', stack)
