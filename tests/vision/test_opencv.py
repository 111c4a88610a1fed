"""The settings of OpenCV."""

from pipeline.vision.opencv import cv2


def test_opencv_starts_no_threads() -> None:
    """The stages work on several pictures at a time already."""
    assert cv2.getNumThreads() == 1
