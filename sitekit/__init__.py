"""Builds and checks the site. Never imports Keras, nor anything of dlguide."""
