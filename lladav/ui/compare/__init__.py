"""The Compare tab: one question, two runs, one slider."""
