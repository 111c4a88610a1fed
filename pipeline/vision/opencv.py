"""The one door to OpenCV, set up once: its limit of pixels is read at the import, and it starts no threads."""

import os

from pipeline.vision.picture_files import HIGHEST

os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(HIGHEST.max_image_px)  # is read once, at the import
import cv2  # noqa: E402

__all__ = ["cv2"]

cv2.setNumThreads(1)  # the callers run in parallel themselves
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
