"""How wrong a prediction is, in one number: the losses chapter."""
