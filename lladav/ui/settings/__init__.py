"""The settings of a run: presets, snapping to what fits together, the panel, and what a run will take."""
