"""Measurements behind the statements of the outlook."""
