"""The metrics that the code declares, and what expressions get wrong about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import promql_parser as promql

PREFIX = "ocellus"
# Prometheus' own: of the targets that it asks, and of histograms.
OWN_LABELS = frozenset({"job", "instance"})
SUFFIXES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_sum", "_count")}

REGISTERED = re.compile(
    r'\.register(?:_with_unit)?\(\s*"(\w+)",\s*"(?:[^"\\]|\\.)*",\s*(?:Unit::(\w+),\s*)?([\w.]+?)(?:\.clone\(\))?,?\s*\)'
)
FIELD = re.compile(r"(?m)^\s*(?:pub\S* )?(\w+): (?:Family<(\w+), )?(Counter|Gauge|Histogram)\b")
STRUCT = re.compile(r"struct (\w+) \{(.*?)\n\}", re.DOTALL)
STRUCT_FIELD = re.compile(r"(?m)^\s*(?:pub\S* )?(\w+): ")


@dataclass(frozen=True)
class Declared:
    """Every series there can be, with its labels; and every word that a label may have as its value."""

    series: dict[str, frozenset[str]]
    words: frozenset[str]
    jobs: frozenset[str]


def declared(source: Path, jobs: frozenset[str]) -> Declared:
    """Reads `src/telemetry/` and `src/error.rs`."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(source.glob("telemetry/**/*.rs")))
    words = code + (source / "error/code.rs").read_text(encoding="utf-8")
    labels = {name: frozenset(STRUCT_FIELD.findall(body)) for name, body in STRUCT.findall(code)}
    fields = {name: (kind, family) for name, family, kind in FIELD.findall(code)}
    series: dict[str, frozenset[str]] = {"up": OWN_LABELS}
    for name, unit, value in REGISTERED.findall(code):
        base = "_".join(filter(None, (PREFIX, name, unit.lower())))
        # A field, or a local variable that is called as the field is without its unit.
        last = value.rpartition(".")[2]
        found = fields.get(last) or fields.get(f"{last}_{unit.lower()}")
        if found is None:
            raise AssertionError(f"tests/deploy/metrics.py cannot tell what kind of metric {name} is")
        kind, family = found
        for suffix in SUFFIXES[kind]:
            le = {"le"} if suffix == "_bucket" else set()
            series[base + suffix] = labels.get(family, frozenset()) | OWN_LABELS | le
    return Declared(series, frozenset(re.findall(r'"([a-z_]+)"', words)), jobs)


def faults(expression: str, known: Declared) -> Iterator[str]:
    """What is wrong with a PromQL expression: its syntax, names, labels and labels' values."""
    try:
        # Grafana's own variable; what it stands for has no bearing on names.
        tree = promql.parse(expression.replace("$__rate_interval", "1m"))
    except ValueError as fault:
        yield f"{fault}: {expression}"
        return
    for selector in _selectors(tree):
        labels = known.series.get(selector.name or "")
        if labels is None:
            yield f"there is no metric {selector.name}"
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels:
                yield f"{selector.name} has no label {matcher.name}"
            else:
                yield from _value_faults(matcher, known)
    for aggregate in _nodes(tree, promql.AggregateExpr):
        below = [known.series.get(one.name or "", frozenset()) for one in _selectors(aggregate)]
        if aggregate.modifier is not None:
            for label in set(aggregate.modifier.labels) - frozenset().union(*below):
                yield f"nothing in sum by ({', '.join(aggregate.modifier.labels)}) has a label {label}"


def _value_faults(matcher: promql.Matcher, known: Declared) -> Iterator[str]:
    """Models and versions are anything; outcomes, stages, reasons and jobs are words of the code."""
    if matcher.name == "job":
        if not any(re.fullmatch(matcher.value, job) for job in known.jobs):
            yield f"no job is called {matcher.value}"
    elif "$" not in matcher.value:
        for word in matcher.value.split("|"):
            if word not in known.words:
                yield f"{matcher.name} is never {word}"


def _selectors(tree: promql.Expr) -> list[promql.VectorSelector]:
    plain = _nodes(tree, promql.VectorSelector)
    within = [matrix.vector_selector for matrix in _nodes(tree, promql.MatrixSelector)]
    return [*plain, *within]


def _nodes(tree: promql.Expr, kind: type) -> list:
    found = []

    def note(node: promql.Expr) -> None:
        if isinstance(node, kind):
            found.append(node)

    promql.walk(tree, pre_visit=note)
    return found
