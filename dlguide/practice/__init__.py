"""Whole tasks from raw data to an honest evaluation."""
