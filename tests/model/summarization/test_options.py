"""Strategy and mode: what holds for each kind of model, and what does not fit."""

from typing import Any

import pytest
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.summarization.options import SummaryOptions, resolve


@pytest.mark.parametrize(
    ("writes", "given", "strategy", "mode"),
    [
        (False, {}, "select", "verbatim"),
        (False, {"truncate": True}, "truncate", "verbatim"),
        (True, {}, "reduce", "abstractive"),
        (True, {"strategy": "truncate"}, "truncate", "abstractive"),
        (True, {"mode": "verbatim"}, "select", "verbatim"),
        (True, {"mode": "rewrite", "truncate": True}, "truncate", "rewrite"),
        (True, {"per_section": True}, "map", "abstractive"),
    ],
)
def test_what_is_not_said_follows_from_the_kind_of_model(
    writes: bool, given: dict[str, Any], strategy: str, mode: str
) -> None:
    found = resolve(SummaryOptions(**given), writes=writes)
    assert (found.strategy, found.mode, found.truncate) == (strategy, mode, strategy == "truncate")
    assert resolve(found, writes=writes) == found
    assert (found.as_params()["strategy"], found.as_params()["mode"]) == (strategy, mode)


@pytest.mark.parametrize(
    ("writes", "given", "message"),
    [
        (False, {"strategy": "x"}, "strategy is 'x': it must be one of select, reduce,"),
        (False, {"mode": "x"}, "mode is 'x': it must be one of verbatim,"),
        (True, {"overlap": -1}, "overlap is -1"),
        (True, {"truncate": True, "strategy": "map"}, "truncate is short for strategy truncate"),
        (False, {"mode": "checked"}, "mode checked needs a model that writes"),
        (False, {"strategy": "fuse"}, "strategy fuse needs a model that writes"),
        (False, {"reference": True}, "reference needs a model that writes"),
        (True, {"mode": "verbatim", "strategy": "map"}, "strategy map does not go with it"),
        (True, {"strategy": "select"}, "takes mode verbatim"),
        (True, {"mode": "verbatim", "generation": {"num_beams": 2}}, "num_beams do nothing there"),
        (True, {"per_section": True, "strategy": "fuse"}, "not with fuse"),
        (True, {"overlap": 1, "strategy": "truncate"}, "overlap is for a model that reads several windows"),
        (True, {"overlap": 1, "mode": "rewrite"}, "overlap is for"),
        (True, {"reference": True, "length": 9}, "length does not go with it"),
        (True, {"reference": True, "mode": "checked"}, "mode checked does not go with it"),
    ],
)
def test_what_does_not_fit_is_one_line(writes: bool, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        resolve(SummaryOptions(**given), writes=writes)
    assert "\n" not in str(raised.value)
