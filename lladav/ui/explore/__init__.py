"""The Explore tab: sweeps on the page, by the engine of `lladav sweep`."""
