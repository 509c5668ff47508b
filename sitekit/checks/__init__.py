"""What the contract demands, one checker a file; `sitekit.check` runs all."""
