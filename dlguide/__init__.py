"""The tested code behind the pages of dlguide.

Chapters are Keras namespaces where Keras has one. Import from the defining
module: `from dlguide.layers.lstm import LSTMCell`.
"""
