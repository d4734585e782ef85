"""Log lines as JSON, for collectors that read what a process writes."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_DAGSTER = ("run_id", "job_name", "step_key", "asset_key")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message; of a run also its id, job and step.

    ``python_logs`` of dagster.yaml names it as the class of a formatter.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        # Dagster's handlers get a record whose message names run and step: the original is apart.
        meta = getattr(record, "dagster_meta", None) or {}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": meta.get("orig_message") or record.getMessage(),
        }
        line |= {name: str(meta[name]) for name in _DAGSTER if meta.get(name)}
        # A step's or run's failure comes with its event.
        error = getattr(
            getattr(meta.get("dagster_event"), "event_specific_data", None), "error", None
        )
        if error is not None:
            line["exception"] = error.to_string()
        elif record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
