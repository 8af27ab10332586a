"""What paints a run, wherever it is painted: in the page, in an exported replay, in a film."""
