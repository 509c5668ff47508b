"""Regularizers: penalties that pull weights towards zero."""
