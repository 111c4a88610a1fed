"""The environment that all programs of ours run in: nothing phones home, nothing chatters."""

import os
from collections.abc import Mapping

QUIET = {
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
"""Telemetry of every library off, and no start-up messages of TensorFlow."""


def set_defaults(values: Mapping[str, str]) -> None:
    """Sets environment variables; one that is set already stays."""
    for name, value in values.items():
        os.environ.setdefault(name, value)
