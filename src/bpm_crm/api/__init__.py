"""GraphQL over HTTP and WebSocket: translates, never decides."""
