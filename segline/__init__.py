"""Segline from Python: each command as a function, and a registered model as a function from images to masks.

    import segline

    model = segline.load("segline@champion")
    mask = model(image).mask

All but `load` and `predict` work in the current folder, which has to be a project's. They print only the progress of
long work, return their results, and raise `SeglineError`. Importing the package is quick: TensorFlow, MLflow and
Prefect are imported by the function that needs them.
"""

from pipeline.errors import SeglineError as SeglineError
from segline.api import (
    compare as compare,
)
from segline.api import (
    doctor as doctor,
)
from segline.api import (
    history as history,
)
from segline.api import (
    import_data as import_data,
)
from segline.api import (
    lineage as lineage,
)
from segline.api import (
    load as load,
)
from segline.api import (
    noise as noise,
)
from segline.api import (
    predict as predict,
)
from segline.api import (
    promote as promote,
)
from segline.api import (
    register as register,
)
from segline.api import (
    rollback as rollback,
)
from segline.api import (
    run as run,
)
from segline.api import (
    schedule as schedule,
)
from segline.api import (
    status as status,
)
from segline.api import (
    verify as verify,
)
