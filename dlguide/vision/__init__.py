"""Networks that see, from LeNet-5 on."""
