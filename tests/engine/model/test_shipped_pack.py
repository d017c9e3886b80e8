"""The pack that ships, against the weights that lie beside it."""

from pathlib import Path

import resources
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.training.export import calibration_texts, compare

WEIGHTS = Path(resources.__file__).parent / "weights" / "chumoku-base"


def test_it_is_made_of_those_weights():
    """Rounding to the nearest gives 0.99984 and 0.99968 on these texts."""
    found = compare(WEIGHTS, default_pack(), calibration_texts()[1::48])
    assert found["passage_cosine_mean"] > 0.9999
    assert found["token_cosine_mean"] > 0.9997


def test_its_card_says_what_it_is():
    pack = load_pack(default_pack())
    card = (pack.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {pack.name} {pack.revision}\n")
    assert f"calibrated on {len(calibration_texts())} texts" in card
    assert "Not measured yet" not in card
