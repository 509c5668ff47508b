"""What networks are made of and how they learn: the basics chapter."""
