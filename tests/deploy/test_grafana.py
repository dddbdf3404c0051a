"""The dashboards are whole, and Grafana finds them and their data."""

from __future__ import annotations

import json
import unittest

from tests.deploy.repository import DASHBOARDS, DEPLOY, read_yaml, services

COLUMNS = 24


class Dashboards(unittest.TestCase):
    def test_every_panel_is_whole(self) -> None:
        sources = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
        known = {(source["type"], source["uid"]) for source in sources}
        self.assertEqual([path.name for path in DASHBOARDS], ["ocellus.json"])
        for path in DASHBOARDS:
            dashboard = json.loads(path.read_text(encoding="utf-8"))
            self.assertEqual(dashboard["uid"], path.stem)
            panels = dashboard["panels"]
            self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
            for panel in panels:
                with self.subTest(panel["title"]):
                    if panel["type"] == "row":
                        continue
                    self.assertIn(tuple(panel["datasource"][key] for key in ("type", "uid")), known)
                    self.assertTrue(panel["targets"])
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                    names = [target["refId"] for target in panel["targets"]]
                    self.assertEqual(len(set(names)), len(names))

    def test_panels_do_not_overlap(self) -> None:
        for path in DASHBOARDS:
            taken: dict[tuple[int, int], str] = {}
            for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], COLUMNS, panel["title"])
                for x in range(place["x"], place["x"] + place["w"]):
                    for y in range(place["y"], place["y"] + place["h"]):
                        other = taken.setdefault((x, y), panel["title"])
                        self.assertEqual(other, panel["title"])

    def test_grafana_is_told_where_they_are(self) -> None:
        grafana = services()["grafana"]
        mounts = {mount["target"]: mount["source"] for mount in grafana["volumes"]}
        (provider,) = read_yaml(DEPLOY / "grafana/provisioning/dashboards/ocellus.yml")["providers"]
        self.assertEqual(mounts[provider["options"]["path"]], str(DEPLOY / "grafana/dashboards"))
        self.assertEqual(mounts["/etc/grafana/provisioning"], str(DEPLOY / "grafana/provisioning"))
        home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertIn(home, {f"{provider['options']['path']}/{path.name}" for path in DASHBOARDS})
