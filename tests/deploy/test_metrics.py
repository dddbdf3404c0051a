"""Alerts and dashboards ask for metrics, labels and values that the code has."""

from __future__ import annotations

import json
import re
import unittest
from collections.abc import Iterator

from tests.deploy.metrics import declared, faults
from tests.deploy.repository import DASHBOARDS, DEPLOY, ROOT, read_yaml

SCRAPES = read_yaml(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
KNOWN = declared(ROOT / "src", frozenset(scrape["job_name"] for scrape in SCRAPES))


def rules() -> Iterator[dict]:
    for group in read_yaml(DEPLOY / "prometheus/rules.yml")["groups"]:
        yield from group["rules"]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]
        for variable in dashboard["templating"]["list"]:
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            yield f"{path.name}: ${variable['name']}", f"sum by ({label}) ({name})"


class Metrics(unittest.TestCase):
    def test_every_expression_asks_for_what_there_is(self) -> None:
        asked = list(expressions())
        self.assertGreater(len(asked), 20)
        for where, expression in asked:
            with self.subTest(where):
                self.assertEqual(list(faults(expression, KNOWN)), [])

    def test_every_series_is_asked_for(self) -> None:
        everything = " ".join(expression for _, expression in expressions())
        asked = {
            re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bocellus_\w+", everything)
        }
        there = {re.sub(r"_(bucket|sum|count)$", "", name) for name in KNOWN.series} - {"up"}
        self.assertEqual(there - asked, set(), "the dashboard does not show these")

    def test_labels_in_texts_are_labels(self) -> None:
        texts = [json.dumps(rule["annotations"]) for rule in rules()]
        texts += [path.read_text(encoding="utf-8") for path in DASHBOARDS]
        used = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", " ".join(texts)))
        self.assertIn("model", used)
        self.assertEqual(used - frozenset().union(*KNOWN.series.values()), set())

    def test_what_is_wrong_is_found(self) -> None:
        for expression, fault in (
            ("ocellus_request_total", "there is no metric ocellus_request_total"),
            ("ocellus_requests", "there is no metric ocellus_requests"),
            ("rate(ocellus_stage_seconds[5m])", "there is no metric ocellus_stage_seconds"),
            ('ocellus_pictures_total{stage="queue"}', "ocellus_pictures_total has no label stage"),
            ('ocellus_stage_seconds_sum{stage="resize"}', "stage is never resize"),
            ('ocellus_requests_total{outcome=~"ok|busy"}', "outcome is never busy"),
            ('up{job="ocellus"}', "no job is called ocellus"),
            ("sum by (stage) (ocellus_requests_total)", "nothing in sum by (stage) has a label stage"),
            ("rate(ocellus_requests_total)", "expected type matrix"),
            ("sum by (job) ocellus_requests_total)", "ocellus_requests_total)"),
        ):
            with self.subTest(expression):
                self.assertIn(fault, " ".join(faults(expression, KNOWN)))
