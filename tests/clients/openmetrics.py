"""Reads a file of metrics with the parsers of Prometheus' own Python client: that of OpenMetrics, which is strict, and that
of the older format, as node-exporter reads it. Prints a line a sample."""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

text = open(sys.argv[1], encoding="utf-8").read()
families = list(openmetrics(text))
samples = [sample for family in families for sample in family.samples]
older = [sample for family in prometheus(text) for sample in family.samples]
assert [(s.name, s.labels, s.value) for s in samples] == [(s.name, s.labels, s.value) for s in older]
assert all(family.type == "gauge" for family in families)
for sample in samples:
    print(sample.name, ascii(sample.labels.get("scenario")), sample.value)
