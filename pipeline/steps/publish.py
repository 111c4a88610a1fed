"""Publishes the champion where TensorFlow Serving reads it."""

from pipeline.publishing.champion import publish_champion, show_followed
from pipeline.publishing.publication import Published


def publish(destination: str | None = None, keep: int | None = None) -> Published:
    """See `segline.publish`."""
    return publish_champion(destination, keep)


def show(published: Published) -> None:
    """Prints what was published, and where."""
    show_followed(published)
