"""libx265: options, the worker process, lambda tables, the reference lock."""
