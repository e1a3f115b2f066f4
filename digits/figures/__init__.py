"""Every figure that the scripts write: arrays in, PNG out, one look for all."""
