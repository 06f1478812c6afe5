"""The process library: one YAML document per channel, shared parts, and the loader that resolves them."""
