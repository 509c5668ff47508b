"""Layers, each as its equation and as a thin Keras layer."""
