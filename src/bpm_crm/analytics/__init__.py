"""Questions asked of the records; reads only."""
