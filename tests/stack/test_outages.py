"""A store that is away, frozen or forbids, while gateway and core are asked.

`OCELLUS_TEST_OUTAGE_SECONDS` says for how long, `OCELLUS_TEST_OUTAGES` how often; `make chaos` asks for more.
"""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Callable

from tools.stack import seaweedfs
from tools.stack.ports import HOST

from .case import StackCase

SECONDS = float(os.environ.get("OCELLUS_TEST_OUTAGE_SECONDS", "4"))
TIMES = int(os.environ.get("OCELLUS_TEST_OUTAGES", "1"))


class Outages(StackCase):
    def stop(self) -> None:
        self.stack.store.process.kill()

    def start(self) -> None:
        self.stack.store.process.start()
        seaweedfs.wait_until_ready(self.stack.store)
        self.wait("the store takes files", self.takes_files)

    def takes_files(self) -> bool:
        """It can be read before it can be written."""
        connection = http.client.HTTPConnection(HOST, self.stack.store.filer_port, timeout=5)
        try:
            connection.request("PUT", "/probe", b"x")
            return connection.getresponse().status < 300
        except OSError:
            return False
        finally:
            connection.close()

    def freeze(self) -> None:
        os.kill(self.stack.store.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.stack.store.process.pid, signal.SIGCONT)

    def forbid(self) -> None:
        """The same data, where the keys that all others have are not valid."""
        self.stop()
        self.stack.store.process.start(AWS_SECRET_ACCESS_KEY="another")
        seaweedfs.wait_until_ready(self.stack.store)

    def allow(self) -> None:
        self.stop()
        self.start()

    def test_no_request_fails_and_the_next_version_is_found(self) -> None:
        turn = 0
        kinds: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("away", self.stop, self.start),
            ("frozen", self.freeze, self.thaw),
            ("forbidden", self.forbid, self.allow),
        ]
        with self.load(self.stack.gateway) as load:
            for kind, begin, end in kinds * TIMES:
                with self.subTest(kind):
                    failed = self.failed_polls()
                    begin()
                    try:
                        time.sleep(SECONDS)
                        self.wait("a poll that fails", lambda: failed < self.failed_polls())
                    finally:
                        end()
                    turn += 1
                    version = turn % 2 + 1
                    # Its S3 server is the last to be back, after its files.
                    self.wait("the store takes wishes", lambda: self.wish(version).returncode == 0)
                    self.swap(load, version)
        self.assert_all_answered(load.answers)

    def failed_polls(self) -> float:
        lines = self.metrics(self.stack.core)
        found = [line for line in lines if line.startswith('ocellus_source_polls_total{outcome="failed"}')]
        return float(found[0].split()[-1]) if found else 0.0
