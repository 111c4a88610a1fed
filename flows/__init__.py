"""The ways in: the Prefect flow and the command `segline`."""
