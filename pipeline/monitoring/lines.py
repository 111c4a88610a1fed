"""Lines that a training prints for the flow, which sends them on to MLflow."""

LINES = "SEGLINE_METRIC_LINES"
"""Environment variable: if it is set, the lines are printed."""
PREFIX = "metrics: "
"""Before an epoch's metrics as JSON."""
PANEL = "panel: "
"""Before the path of an epoch's panel."""
