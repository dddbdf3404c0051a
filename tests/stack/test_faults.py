"""Cores that are killed, frozen and stopped, and versions that change, under a gateway's load.

`OCELLUS_TEST_KILLS` and `OCELLUS_TEST_SWAPS` ask for more of each; `make chaos` does.
"""

from __future__ import annotations

import os
import signal
import time

from .case import CLIENTS, StackCase, outcomes
from .load import Answer

KILLS = int(os.environ.get("OCELLUS_TEST_KILLS", "5"))
SWAPS = int(os.environ.get("OCELLUS_TEST_SWAPS", "20"))
TOLD_SECONDS = 1.0
NOTICED = 10.0
"""Time within which a frozen core is given up."""


class Faults(StackCase):
    def assert_refused_well(self, answers: list[Answer]) -> None:
        """Those that failed were told so: unavailable for now, and when to come back."""
        for answer in answers:
            if answer.status != 200:
                self.assertEqual(answer.status, 503, answer)
                self.assertIn(answer.code, ("core_unavailable", "model_not_ready"), answer)
                self.assertIsNotNone(answer.retry_after, answer)

    def assert_told_at_once(self, answers: list[Answer], killed: float) -> None:
        """Those that were under way, and those that came after, know within a second."""
        for answer in list(answers):
            if answer.status != 200 and killed <= answer.begun + answer.seconds:
                self.assertLess(answer.begun + answer.seconds - max(killed, answer.begun), TOLD_SECONDS, answer)

    def test_a_core_that_is_killed_takes_only_its_requests_along(self) -> None:
        core = self.stack.core
        with self.load(self.stack.gateway) as load:
            for _ in range(KILLS):
                self.until_answered(load)
                core.process.kill()
                killed = time.monotonic()
                self.wait("a refusal", lambda: any(a.status != 200 for a in load.since(killed)))
                self.assert_told_at_once(load.answers, killed)
                core.process.start()
                core.wait_until_ready()
                ready = time.monotonic()
                self.assertLess(self.until_answered(load) - ready, 3, "it is found again soon")
        self.assert_refused_well(load.answers)
        for answer in load.answers:
            self.assertLess(answer.seconds, 10, answer)

    def test_a_frozen_core_is_given_up_and_found_again(self) -> None:
        core = self.stack.core
        with self.load(self.stack.gateway) as load:
            self.until_answered(load)
            os.kill(core.process.pid, signal.SIGSTOP)
            frozen = time.monotonic()
            try:
                refused = lambda: any(a.status == 503 for a in load.since(frozen))  # noqa: E731
                self.wait("a refusal", refused, NOTICED)
            finally:
                os.kill(core.process.pid, signal.SIGCONT)
            self.until_answered(load, 5)
        self.assert_refused_well(load.answers)

    def test_the_other_core_takes_over(self) -> None:
        second = self.stack.add_core("second")
        third = self.stack.add_core("third")
        gateway = self.stack.add_gateway("two", [second, third])
        both = lambda: len(self.available(second)) and len(self.available(third))  # noqa: E731
        self.wait("both cores", lambda: bool(both()))
        with self.load(gateway) as load:
            self.until_answered(load)
            second.process.kill()
            killed = time.monotonic()
            time.sleep(1)
            after = load.since(killed + 0.1)
            self.assertTrue(after)
            self.assertEqual({a.status for a in after}, {200}, outcomes(after))
            lost = [a for a in load.answers if a.status != 200]
            self.assertLessEqual(len(lost), CLIENTS, "only what it worked on")
            second.process.start()
            second.wait_until_ready()
            self.until_answered(load)
            os.kill(third.process.pid, signal.SIGSTOP)
            frozen = time.monotonic()
            time.sleep(NOTICED)
            late = [a for a in load.since(frozen + NOTICED / 2) if a.status != 200]
            os.kill(third.process.pid, signal.SIGCONT)
            self.assertEqual(late, [], "once it is given up, nothing fails")
        self.assert_refused_well(load.answers)

    def test_a_core_that_is_told_to_stop_loses_nothing(self) -> None:
        second = self.stack.add_core("leaving")
        third = self.stack.add_core("staying")
        gateway = self.stack.add_gateway("three", [second, third])
        with self.load(gateway) as load:
            self.until_answered(load)
            second.process.stop(20)
            self.assertEqual(second.process.exit_status, 0)
            self.until_answered(load)
        self.assert_all_answered(load.answers)

    def test_swaps_through_gateway_and_core_lose_nothing(self) -> None:
        digests: dict[int, set[str]] = {}
        with self.load(self.stack.gateway) as load:
            for turn in range(SWAPS):
                self.swap(load, turn % 2 + 1)
        for answer in load.answers:
            self.assertEqual(answer.status, 200, answer)
            model = answer.body["model"]
            digests.setdefault(model["version"], set()).add(model["digest"])
            self.assertEqual(answer.body["images"][0]["results"][0]["label"], "red")
        self.assertEqual({version: len(each) for version, each in digests.items()}, {1: 1, 2: 1})
