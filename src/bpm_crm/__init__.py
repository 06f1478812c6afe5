"""A GraphQL backend that turns the handling of customer requests into formal, measurable business processes."""

__version__ = "0.1.0"
