"""One registry of names: what is not declared cannot be counted."""

from __future__ import annotations

from typing import Any

import pytest

from seawall_runtime.metrics import METRICS, Metrics


def test_every_name_is_declared_once_with_our_prefix() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    assert all(name.startswith("seawall_") for name in names)


def test_every_declared_metric_can_be_made_and_shown() -> None:
    metrics = Metrics("probe")
    for metric in METRICS:
        labels: dict[str, Any] = {label: "x" for label in metric.labels if label != "service"}
        if metric.kind == "counter":
            metrics.count(metric.name, **labels)
        elif metric.kind == "gauge":
            metrics.set(metric.name, 1, **labels)
        else:
            metrics.observe(metric.name, 1, **labels)
    shown = metrics.render().decode()
    assert all(metric.name in shown for metric in METRICS)


def test_an_undeclared_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        Metrics("probe").count("seawall_invented_total")


def test_a_metric_is_used_as_what_it_was_declared() -> None:
    metrics = Metrics("probe")
    with pytest.raises(TypeError):
        metrics.set("seawall_errors_total", 1, kind="bug")
    with pytest.raises(TypeError):
        metrics.count("seawall_ready")


def test_the_service_label_is_filled_in_and_counts_add_up() -> None:
    metrics = Metrics("risk")
    metrics.count("seawall_errors_total", kind="bug")
    metrics.counter("seawall_errors_total", kind="bug").inc(2)
    assert 'seawall_errors_total{kind="bug",service="risk"} 3.0' in metrics.render().decode()


def test_the_process_itself_is_measured() -> None:
    assert "process_resident_memory_bytes" in Metrics("risk").render().decode()
