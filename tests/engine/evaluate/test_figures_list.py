import json

from engine.evaluate.figures import Figure, markdown
from engine.evaluate.retrieval import estimate


def test_met_and_missed():
    assert Figure("a", 0.61, target=0.6).met is True
    assert Figure("a", 0.5999, target=0.6).met is False
    assert Figure("a", 0.59999, target=0.6).met is True
    assert Figure("size", 24.9, target=25.0, at_most=True).met is True
    assert Figure("size", 25.1, target=25.0, at_most=True).met is False
    assert Figure("a", 0.6).met is None


def test_plain_values_and_back():
    made = Figure.of("a", estimate([0.0, 1.0, 1.0]), target=0.5, beside={"bm25": 0.25})
    values = json.loads(json.dumps(made.as_json()))
    assert set(values) >= {"name", "figure", "low", "high", "n", "target", "met", "beside"}
    assert (values["figure"], values["n"], values["met"]) == (0.6667, 3, True)
    assert Figure.from_json(values).as_json() == values
    assert Figure.from_json({"name": "hours", "figure": 2}).figure == 2


def test_table_says_by_how_much():
    made = [
        Figure("jaquad | dense", 0.5, 0.45, 0.55, 100, 0.6, beside={"bm25": 0.8}),
        Figure("bytes", 20, target=25, at_most=True),
    ]
    lines = markdown(made).splitlines()
    assert lines[2] == (
        "| jaquad / dense | 0.500 | 0.450 to 0.550 | 100 | at least 0.600: missed by 0.100 "
        "| bm25 0.800 |"
    )
    assert "at most 25.000: met" in lines[3]
    assert all(line.count("|") == lines[0].count("|") for line in lines)
