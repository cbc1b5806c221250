"""How long hypothesis may take: as long as it does, on however busy a machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["unhurried"]

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
