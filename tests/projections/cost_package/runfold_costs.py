"""What does each pipeline cost? Adds up the metric ``cost`` of its stages."""

import msgspec

from projections import ReplayedEvent, Row, is_unread


class Cost(msgspec.Struct, frozen=True):
    """One run after some of its events."""

    pipeline: str | None = None
    cost: float = 0.0
    position: int = 0


class CostPerPipeline:
    """One row a run in ``costs``; ``costs_per_pipeline`` adds them up."""

    name = "costs"
    version = 1
    state_type = Cost
    tables = """
        CREATE TABLE costs (run INTEGER PRIMARY KEY, pipeline TEXT, cost REAL NOT NULL);
        CREATE VIEW costs_per_pipeline AS
        SELECT pipeline, count(*) AS runs, sum(cost) AS cost FROM costs GROUP BY pipeline;
    """
    indexes = ""

    def initial(self, run_id: str) -> Cost:
        """Begin with no cost."""
        return Cost()

    def evolve(self, state: Cost, event: ReplayedEvent) -> Cost:
        """Add what a stage has cost, where it says so by a number."""
        if event.position <= state.position or is_unread(event):
            return state
        if event.type == "run_started":
            return Cost(event.data.pipeline, state.cost, event.position)
        if event.type == "stage_completed":
            cost = event.data.metrics.get("cost")
            if isinstance(cost, int | float):
                return Cost(state.pipeline, state.cost + cost, event.position)
        return state

    def rows(self, state: Cost) -> list[Row]:
        """Give the run's one row."""
        return [("costs", (state.pipeline, state.cost))]
