"""The workshop behind the lesson scripts: what makes them fast and safe, and draws. Nothing here imports a script."""
