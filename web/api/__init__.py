"""The HTTP API: one declaration for each endpoint mounts it, and writes the OpenAPI document."""
