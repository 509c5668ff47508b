"""Models that draw new examples from the distribution of the data."""
