"""The importer of the demo: drawn street scenes, in groups of one street each."""

from pathlib import Path

from pipeline.errors import DataError
from pipeline.importers.source import Source, write_mask

JPEG_QUALITY = 95


def demo(*, seed: int = 0, num_images: int = 240) -> Source:
    """Draw street scenes; the same seed gives the same bytes.

    Example of the command: segline import demo

    Args:
        seed: another seed draws other scenes.
        num_images: how many.

    Raises:
        DataError: fewer than one image.
    """
    from pipeline.dataset.contract import Sample
    from pipeline.importers.demo.scenes import CLASSES, STREETS, draw_scene
    from pipeline.vision.codec import encode_jpeg

    if num_images < 1:
        raise DataError(f"num_images is {num_images}, expected at least 1")
    places = [divmod(number, len(STREETS)) for number in range(num_images)]
    frames = {f"{STREETS[street]}_{frame:03}": frame for frame, street in places}
    samples = [Sample(name, None, None, name.split("_")[0], "") for name in sorted(frames)]

    def draw(folder: Path, sample: Sample) -> None:
        image, mask = draw_scene(seed, sample.group, frames[sample.name])
        (folder / "images" / f"{sample.name}.jpg").write_bytes(encode_jpeg(image, JPEG_QUALITY))
        write_mask(folder, sample, mask)

    return Source(CLASSES, samples, draw)
