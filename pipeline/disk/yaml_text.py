"""YAML as DVC reads it: version 1.2. What has two meanings, or is made to harm, is refused with its line."""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode

from pipeline.text import shown

MAX_CHARS = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 20_000
"""Values of a document; what an alias stands for counts again at each of its places."""
MAX_SHOWN = 300  # characters of what is wrong in a message
COMMENT = re.compile(r" +(?=#)")
COMMENT_COLUMN = 34
"""Where the comment of a value begins that has none."""
TWO_MEANINGS = re.compile(r"[-+]?0[0-9_]+")


def parse_yaml(text: str) -> Any:
    """The value of a YAML 1.2 document: `1e-5` is a number, `off` and `yes` are texts. None if it is empty.

    Raises:
        ValueError: the text is not YAML or holds several documents, a key twice, a tag, an alias of itself, `010`, or
            too much. The message starts with the line if it is known.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"has {len(text)} characters, expected at most {MAX_CHARS}")
    try:
        _check_nodes(text)
        return YAML(typ="safe").load(text)
    except YAMLError as err:
        raise ValueError(f"is not YAML ({_explain(err)})") from err
    except TypeError as err:  # ruamel's, of a list with a table in it as a key
        raise ValueError(f"is not YAML (a key that is not a text: {str(err)[:MAX_SHOWN]})") from err
    except ValueError as err:  # also of a text that only looks like a number or a date, such as 2001-99-99
        raise ValueError(str(err) if str(err).startswith("line ") else f"is not YAML ({str(err)[:MAX_SHOWN]})") from err


def to_yaml(content: Any) -> str:
    """A text that `parse_yaml` and DVC read as `content`; keys keep their order, short lists stand in a line."""
    return _write(content, None)


def _write(content: Any, flow: bool | None) -> str:
    """The text; `flow`: whether collections stand within brackets, None: those that hold no other ones."""
    writer: Any = YAML(typ="safe")  # by the library that reads: the other one writes `[0?]`, which this cannot read
    writer.default_flow_style, writer.width = flow, 1 << 16
    writer.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()


def replace_values(text: str, values: Mapping[str, Any]) -> str:
    """The text with other values in its tables, all else as it is; a comment stays in its column if there is room.

    A table on lines of its own becomes another one there; the comments in it go.

    Args:
        text: YAML that `parse_yaml` reads.
        values: by name, with a dot between the names of nested tables.

    Raises:
        ValueError: another value stands on lines of its own, so that it cannot be told from the comments in it.
    """
    root = YAML(typ="safe", pure=True).compose(text)
    nodes = {name: _find_node(root, name) for name in values}
    for name, node in sorted(nodes.items(), key=lambda item: item[1].start_mark.index, reverse=True):
        start, end = node.start_mark.index, node.end_mark.index
        if _is_block(node) and isinstance(values[name], Mapping) and values[name]:
            lines = (f"{_to_flow(key)}: {_to_flow(value)}" for key, value in values[name].items())
            end = text.find("\n", _last_of(node).end_mark.index)
            text = text[:start] + ("\n" + " " * node.start_mark.column).join(lines) + (text[end:] if end >= 0 else "\n")
            continue
        if "\n" in text[start:end]:
            raise ValueError(f"line {node.start_mark.line + 1}: {name} has several lines; write it in one, as [1, 2]")
        new, rest = _to_flow(values[name]), text[end:]
        if gap := COMMENT.match(rest):
            rest = " " * max(1, len(gap[0]) + end - start - len(new)) + rest[gap.end() :]
        text = text[:start] + new + rest
    return text


def replace_comments(text: str, comments: Mapping[str, str]) -> str:
    """The text with other comments beside its values, in the column of the old ones if there is room.

    Args:
        text: YAML that `parse_yaml` reads.
        comments: one line each, by the name of a value, as in `replace_values`. The values end their lines. The comment
            of a table on lines of its own stands in the first one.
    """
    root, lines = YAML(typ="safe", pure=True).compose(text), text.splitlines()
    for name, comment in comments.items():
        node = _find_node(root, name)
        mark = (node.value[0][1] if _is_block(node) else node).end_mark
        value, rest = lines[mark.line][: mark.column].rstrip(), lines[mark.line][mark.column :]
        column = mark.column + len(rest) - len(rest.lstrip()) if rest.strip() else COMMENT_COLUMN
        lines[mark.line] = f"{value.ljust(column - 1)} # {comment}" if len(value) < column else f"{value}  # {comment}"
    return "\n".join(lines) + "\n"


def _to_flow(value: Any) -> str:
    """A value in one line, as it can stand within brackets."""
    return _write([value], True).strip().removeprefix("[").removesuffix("]")


def _find_node(node: Any, name: str) -> Any:
    for part in name.split("."):
        node = next(value for key, value in node.value if key.value == part)
    return node


def _is_block(node: Any) -> bool:
    """Whether it is a table on lines of its own."""
    return isinstance(node, MappingNode) and not node.flow_style


def _last_of(node: Any) -> Any:
    """The last value within a table on lines of its own."""
    while _is_block(node):
        node = node.value[-1][1]
    return node


def _check_nodes(text: str) -> None:
    """Reads the text without making its values, so that nothing can grow or recurse while they are made."""
    num_documents = 0
    open_nodes: list[tuple[str | None, int]] = []  # anchor and number of nodes before, of each open collection
    num_nodes, num_of_anchor = 0, dict[str, int]()
    for event in YAML(typ="safe").parse(text):
        where = f"line {event.start_mark.line + 1}"
        num_documents += isinstance(event, DocumentStartEvent)
        if isinstance(event, CollectionEndEvent):
            anchor, num_before = open_nodes.pop()
            num_of_anchor |= {anchor: num_nodes - num_before} if anchor else {}
        elif isinstance(event, AliasEvent):
            if event.anchor not in num_of_anchor:
                anchor = shown(event.anchor)
                raise ValueError(f"{where}: *{anchor} stands for itself or for nothing; write the value out")
            num_nodes += num_of_anchor[event.anchor]
        elif isinstance(event, CollectionStartEvent | ScalarEvent):
            _check_node(event, where)
            num_nodes += 1
            if isinstance(event, ScalarEvent):
                num_of_anchor |= {event.anchor: 1} if event.anchor else {}
            else:
                open_nodes.append((event.anchor, num_nodes - 1))
        for problem in _too_much(num_documents, len(open_nodes), num_nodes):
            raise ValueError(f"{where}: {problem}")


def _check_node(event: Any, where: str) -> None:
    if event.tag is not None:
        raise ValueError(f"{where}: has the tag {event.tag[:60]}; tags are not read, remove it")
    is_plain = isinstance(event, ScalarEvent) and event.implicit[0] and not event.style
    if is_plain and TWO_MEANINGS.fullmatch(event.value):
        raise ValueError(
            f"{where}: {event.value[:60]} is octal to some programs, decimal to others; write a number without the 0 "
            "in front, or a text in quotes"
        )


def _too_much(num_documents: int, depth: int, num_nodes: int) -> Iterator[str]:
    if num_documents > 1:
        yield "a second document starts; expected one in the file, remove `---`"
    if depth > MAX_DEPTH:
        yield f"is nested deeper than {MAX_DEPTH} levels"
    if num_nodes > MAX_NODES:
        yield f"holds more than {MAX_NODES} values, aliases written out; expected fewer"


def _explain(err: YAMLError) -> str:
    mark = getattr(err, "problem_mark", None)
    problem = getattr(err, "problem", None) or str(err).partition("\n")[0]
    return (f"line {mark.line + 1}: {problem}" if mark else problem)[:MAX_SHOWN]
