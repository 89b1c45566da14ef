"""The figures of the process, as Prometheus collects them."""

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.routes import Routes
from auraos.observability.exposition import CONTENT_TYPE, exposed
from auraos.observability.figures import Figures


def figure_routes(figures: Figures) -> Routes:
    """Return the route that tells what this process counts."""
    routes = Routes()

    @routes.get("/metrics", may="installation.read", everywhere=True, gives="text/plain")
    async def show_figures(ask: Ask) -> Answer:  # noqa: ARG001 (they are the same for all who may)
        """Tell what this process counts, in the text format of Prometheus."""
        return Answer(200, exposed(figures.now()), CONTENT_TYPE)

    return routes
