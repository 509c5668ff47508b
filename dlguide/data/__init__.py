"""Data that needs no download, and the real CIFAR-10 with a checksum."""
