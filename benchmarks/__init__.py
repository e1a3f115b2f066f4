"""Measurements of the scripts: their speed against plain Keras, their accuracy on other people's handwriting."""
