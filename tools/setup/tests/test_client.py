"""What is said when pip, npm or venv fails."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

from tools.setup import client, venv
from tools.setup.fault import SetupFault
from tools.setup.places import Places

# What the clients print, shortened; what is said then.
TABLE = [
    (
        "WARNING: Retrying after an error\nERROR: Could not find a version\nERROR: No matching distribution",
        "thing 1.0: could not be fetched; is there a network? (ERROR: Could not find a version)",
    ),
    (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. (...)",
        "thing 1.0: refused, its SHA-256 is not the pinned one",
    ),
    (
        "npm error code ECONNREFUSED\nnpm error A complete log of this run can be found in: (...)",
        "thing 1.0: could not be fetched; is there a network? (npm error code ECONNREFUSED)",
    ),
    ("npm ERR! code E404", "thing 1.0: could not be fetched; is there a network? (npm ERR! code E404)"),
    ("", "thing 1.0: exit status 1"),
]


def failing(stdout: str = "", stderr: str = "") -> AbstractContextManager[object]:
    done = subprocess.CompletedProcess([], 1, stdout, stderr)
    return mock.patch("subprocess.run", return_value=done)


class Failures(unittest.TestCase):
    def test_a_client_that_fails_is_quoted_in_one_line(self) -> None:
        for printed, expected in TABLE:
            with self.subTest(printed), failing(stderr=printed), self.assertRaises(SetupFault) as raised:
                client.run(["client"], "thing 1.0", Path())
            self.assertEqual(str(raised.exception), expected)

    def test_a_missing_venv_module_is_said_with_its_remedy(self) -> None:
        remedy = self.assertRaisesRegex(SetupFault, "apt-get install python3-venv")
        failure = failing(stdout="... because ensurepip is not\navailable.")
        with tempfile.TemporaryDirectory() as root, mock.patch("builtins.print"), failure, remedy:
            venv.python(Places(Path(root)))
