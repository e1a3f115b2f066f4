"""What holds for the whole process of a script: two flags that do not belong to its `main`."""

from types import SimpleNamespace

# Set by `flags.run`. dry_run: `load_data` keeps 2000 training images. bfloat16: CPUs multiply with 16 bits.
options = SimpleNamespace(bfloat16=False, dry_run=False)
