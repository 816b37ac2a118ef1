"""The HTTP API of one zone, in the dispatcher's own process and event loop."""
