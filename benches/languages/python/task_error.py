"""What the jobs of each library share."""

# How many tasks of the bounded job run at once.
LIMIT = 64


class TaskError(Exception):
    """The error of each task that fails."""
