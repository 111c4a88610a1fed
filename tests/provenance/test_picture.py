"""Tests of the picture of a chain."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from pipeline.provenance.chain import Node
from pipeline.provenance.picture import HEAD, NUM_LINES, draw_chain
from tests.hostile_registry import texts

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def chains(draw: st.DrawFn) -> list[Node]:
    """Links with texts of any kind, each made from some before it."""
    nodes: list[Node] = []
    for place in range(draw(st.integers(1, 5))):
        sources = draw(st.sets(st.integers(0, place - 1))) if place else set()
        facts = tuple(draw(st.lists(st.tuples(texts(), texts()), max_size=3)))
        nodes.append(Node(draw(st.sampled_from(("data", "stage", "version"))), draw(texts()), facts, tuple(sources)))
    return nodes


@given(chains(), texts())
def test_any_text_gives_a_picture(nodes: list[Node], title: str) -> None:
    """The picture is well-formed, has a box for each link and an edge for each source, and holds no foreign markup."""
    text = draw_chain(title, nodes, "me")
    picture = ElementTree.fromstring(text)
    assert len(picture.findall(f"{SVG}rect[@class='box']")) == len(nodes)
    assert len(picture.findall(f"{SVG}path")) == sum(len(node.made_from) for node in nodes)
    tags = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert tags <= {"svg", "title", "metadata", "style", "rect", "text", "path", "defs", "marker"} and HEAD in text
    assert text == draw_chain(title, nodes, "me")


def test_a_long_fact_is_cut() -> None:
    """A fact takes a few lines at most, and shows that more follows."""
    short, long = (draw_chain("x", [Node("data", "a", (("why", "word " * count),))], "me") for count in (1, 500))
    assert long.count("<text") - short.count("<text") == 2 * (NUM_LINES - 1) and "...</text>" in long


def test_light_and_dark() -> None:
    """The picture follows the reader's colours."""
    assert "prefers-color-scheme:dark" in draw_chain("x", [Node("data", "a", ())], "me")
