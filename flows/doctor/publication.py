"""Looks at what TensorFlow Serving serves: whether it is the champion. Hashes nothing; `segline published` does."""

import os
from collections.abc import Iterator

from flows.doctor.finding import Finding
from pipeline.ledger.aliases import read_standing
from pipeline.publishing.champion import DESTINATION, open_place
from pipeline.publishing.place import Place, list_names
from pipeline.publishing.publication import find_newest, read_record
from pipeline.registry.client import model_name
from pipeline.text import some

PLACE = "publication"
PUBLISH = "`segline publish`"


def look_at_publication() -> Iterator[Finding]:
    """Whether the newest publication is the champion, by its record, and has all files, if a destination is set."""
    if not os.environ.get(DESTINATION):
        return
    place, state = open_place(), read_standing().state
    newest = find_newest(place)
    if newest is not None and (newest > state.last_move or state.champion is None):
        todo = f"move it away, then {PUBLISH}" if state.champion else "find out who published it, and move it away"
        yield Finding(PLACE, f"{place.address}/{newest} is served, but the ledger has no such line", todo)
    elif state.champion is None:
        yield Finding(PLACE, f"{place.address} is empty: there is no champion yet")
    elif newest != state.last_move:
        served = "nothing" if newest is None else f"number {newest}"
        state_of = f"{place.address} serves {served}, the champion {model_name()}/{state.champion} is {state.last_move}"
        yield Finding(PLACE, state_of, PUBLISH)
    else:
        yield _look_at(place, newest, state.champion)


def _look_at(place: Place, number: int, champion: int) -> Finding:
    address = f"{place.address}/{number}"
    record = read_record(place, number, model_name())
    if record is None:
        return Finding(PLACE, f"{address} has no record of segline", f"move it away, then {PUBLISH}")
    if record.version != champion:
        todo = f"move it away, then {PUBLISH}: it is of another ledger"
        return Finding(PLACE, f"{address} is {record}, the champion is {model_name()}/{champion}", todo)
    if missing := sorted(set(record.files) - list_names(place.list_files(), number)):
        return Finding(PLACE, f"{address} lacks {some(missing)}", PUBLISH)
    return Finding(PLACE, f"{address} is the champion {record}")
