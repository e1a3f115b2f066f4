"""Every figure that the scripts write: arrays in, PNG out, one look for all.

The functions `plot_...` write the PNG `path`, with `title` above the figure, and return `path`.
"""
