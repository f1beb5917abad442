"""redis-py without the OpenTelemetry metrics it loads wherever they are installed: we never use
them, and they are 3 MiB and a tenth of a second of every process.

Imported by `api/__init__.py` and `worker/__init__.py`, so before anybody imports redis.
"""

import sys

if "redis" not in sys.modules and "opentelemetry" not in sys.modules:
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # importing it fails
    try:
        import redis  # noqa: F401  now, and never again
    finally:
        del sys.modules["opentelemetry"]
