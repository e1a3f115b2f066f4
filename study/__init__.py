"""The deck's claims over many seeds: the experiments, their verdicts, and Dask to spread them over machines."""
