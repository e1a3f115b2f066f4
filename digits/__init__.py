"""The workshop behind the lesson scripts: what makes them fast, safe and handsome. Nothing here imports a script."""
