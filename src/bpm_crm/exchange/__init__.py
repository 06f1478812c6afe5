"""Other doors beside the API: event logs in and out."""
