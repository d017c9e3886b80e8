import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from engine.errors import PackError
from engine.model.encoder import Encoder
from engine.model.pack import Pack, load_pack, write_section
from engine.training.checkpoint import load_checkpoint
from engine.training.export import export_pack, write_card
from engine.training.export import main as export_command


@pytest.fixture
def copied_pack(tiny_pack: Pack, tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    shutil.copytree(tiny_pack.folder, folder)
    return folder


def code_of(folder: Path) -> str:
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    return caught.value.code


def edit(folder: Path, **changes: object) -> None:
    path = folder / "pack.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_a_pack_tells_what_it_is(tiny_pack):
    assert (tiny_pack.name, tiny_pack.revision) == ("tiny", "1")
    assert tiny_pack.languages == ("ja", "en")
    assert tiny_pack.config.pattern.block == 16
    assert len(tiny_pack.pack_hash) == 64
    card = (tiny_pack.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for licence in ("CC BY 4.0", "CC BY-SA 3.0", "PSF", "all-MiniLM-L6-v2"):
        assert licence in card


def test_measured_figures_go_into_the_card(copied_pack, tiny_pack):
    assert "Not measured yet" in (copied_pack / "MODEL_CARD.md").read_text(encoding="utf-8")
    write_card(copied_pack, "| JSTS | 0.81 |")
    card = (copied_pack / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| JSTS | 0.81 |" in card and "Not measured" not in card
    assert load_pack(copied_pack).pack_hash == tiny_pack.pack_hash


def test_a_changed_file_is_refused(copied_pack):
    path = copied_pack / "layer_00_finish.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert code_of(copied_pack) == "pack_hash"


def test_a_shortened_file_is_refused(copied_pack):
    path = copied_pack / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:-1])
    assert code_of(copied_pack) == "pack_hash"


def test_a_changed_model_card_is_refused(copied_pack):
    (copied_pack / "MODEL_CARD.md").write_text("Licence: none", encoding="utf-8")
    assert code_of(copied_pack) == "pack_hash"


def test_a_missing_folder_or_file_is_told(copied_pack, tmp_path):
    assert code_of(tmp_path / "nowhere") == "pack_missing"
    (copied_pack / "embed.onnx").unlink()
    assert code_of(copied_pack) == "pack_missing"


@pytest.mark.parametrize("changes", [{"format": 1}, {"format": 3}, {"architecture": "other-1"}])
def test_another_format_or_architecture_is_refused(copied_pack, changes):
    edit(copied_pack, **changes)
    assert code_of(copied_pack) == "pack_unsupported"


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {}},
        {"files": {"../pack.json": {"sha256": "0", "bytes": 1}}},
        {"files": []},
        {"layers": 0},
        {"layers": "many"},
        {"mass": 7},
        {"width": 63},
        {"name": None, "languages": 5},
    ],
)
def test_a_contradictory_manifest_is_refused(copied_pack, changes):
    edit(copied_pack, **changes)
    assert code_of(copied_pack) == "pack_broken"


@pytest.mark.parametrize("name", ["../embed.onnx", "a\\b", "C:x", ".."])
def test_a_manifest_cannot_reach_outside_its_folder(copied_pack, name):
    manifest = json.loads((copied_pack / "pack.json").read_text(encoding="utf-8"))
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    edit(copied_pack, files=manifest["files"])
    assert code_of(copied_pack) == "pack_broken"


@pytest.mark.parametrize("text", ["", "{", "[1]", '"pack"'])
def test_an_unreadable_manifest_is_refused(copied_pack, text):
    (copied_pack / "pack.json").write_text(text, encoding="utf-8")
    assert code_of(copied_pack) == "pack_broken"


@pytest.mark.parametrize("section", ["fusion", "highlights"])
def test_a_fit_makes_another_pack_of_the_same_encoder(copied_pack, tiny_pack, section):
    write_section(copied_pack, section, {"dense": 0.5})
    pack = load_pack(copied_pack)
    assert getattr(pack, section) == {"dense": 0.5}
    assert pack.encoder_hash == tiny_pack.encoder_hash
    assert pack.pack_hash != tiny_pack.pack_hash
    write_section(copied_pack, section, getattr(tiny_pack, section))
    assert load_pack(copied_pack).pack_hash == tiny_pack.pack_hash
    with pytest.raises(ValueError, match="files"):
        write_section(copied_pack, "files", {})


def test_what_is_read_otherwise_is_another_encoder(copied_pack, tiny_pack):
    edit(copied_pack, k_max=tiny_pack.config.pattern.k_max + 1)
    pack = load_pack(copied_pack)
    assert pack.encoder_hash != tiny_pack.encoder_hash
    assert pack.pack_hash != tiny_pack.pack_hash


def test_a_part_that_is_no_graph_is_told_apart_from_a_defect(tiny_pack):
    contents = dict(tiny_pack.contents) | {"head.onnx": b"not a graph"}
    broken = dataclasses.replace(tiny_pack, contents=contents)
    with pytest.raises(PackError) as caught:
        Encoder.load(broken, threads=1)
    assert caught.value.code == "pack_broken"


def test_no_part_holds_large_float32_weights(tiny_pack):
    import onnx

    for name, data in tiny_pack.contents.items():
        if name.endswith(".onnx"):
            for constant in onnx.load_from_string(data).graph.initializer:
                if constant.data_type == onnx.TensorProto.FLOAT:
                    assert len(constant.raw_data) <= 4 * 512, (name, constant.name)


def test_a_lexicon_travels_with_its_pack(tiny_checkpoint, tiny_pack, tmp_path):
    assert tiny_pack.lexicon is None
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, checkpoint)
    lexicon = {"version": 2, "english": {"floor": "床\t0.5"}}
    (checkpoint / "lexicon.json").write_text(json.dumps(lexicon), encoding="utf-8")
    pack = export_pack(checkpoint, tmp_path / "pack", name="tiny", revision="1")
    assert pack.lexicon == lexicon
    assert pack.encoder_hash == tiny_pack.encoder_hash
    assert pack.pack_hash != tiny_pack.pack_hash
    assert "Tanaka Corpus" in (pack.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "lexicon.json" in (pack.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    (pack.folder / "lexicon.json").write_text("{}", encoding="utf-8")
    assert code_of(pack.folder) == "pack_hash"


def test_a_broken_lexicon_is_refused(tiny_checkpoint, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, checkpoint)
    (checkpoint / "lexicon.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        export_pack(checkpoint, tmp_path / "pack", name="tiny", revision="1")
    assert caught.value.code == "pack_broken"


def test_fits_of_another_pack_are_taken_over_if_asked_for(tiny_checkpoint, tiny_pack, tmp_path):
    fitted = tmp_path / "fitted"
    shutil.copytree(tiny_pack.folder, fitted)
    manifest = json.loads((fitted / "pack.json").read_text(encoding="utf-8"))
    manifest |= {"fusion": {"version": 1, "short_bonus": 2.5}, "highlights": {"version": 1}}
    (fitted / "pack.json").write_text(json.dumps(manifest), encoding="utf-8")
    texts = tmp_path / "texts.txt"
    texts.write_text("ボルトを確認する。\n\nCheck the bolt.\n", encoding="utf-8")
    command = ["export", str(tiny_checkpoint), str(tmp_path / "pack"), "--revision", "2"]
    command += ["--texts", str(texts)]
    assert export_command(command) == 0
    assert load_pack(tmp_path / "pack").fusion == {}
    assert export_command([*command, "--fits", str(fitted)]) == 0
    pack = load_pack(tmp_path / "pack")
    assert (pack.fusion, pack.highlights) == (manifest["fusion"], manifest["highlights"])
    assert pack.revision == "2"


def test_weights_in_half_precision_can_be_trained_further(tiny_checkpoint, tiny_pack, tmp_path):
    folder = tmp_path / "weights"
    assert export_command(["weights", str(tiny_checkpoint), str(folder)]) == 0
    sizes = [(at / "model.safetensors").stat().st_size for at in (folder, tiny_checkpoint)]
    assert sizes[0] < 0.55 * sizes[1]
    whole, half = load_checkpoint(tiny_checkpoint), load_checkpoint(folder)
    assert half.config == whole.config
    exact = whole.state_dict()
    for name, value in half.state_dict().items():
        assert float((value - exact[name]).abs().max()) < 3e-3, name
    again = export_pack(folder, tmp_path / "pack", name="tiny", revision="1")
    assert again.config == tiny_pack.config and again.config.passage_widths == (24,)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("model.safetensors", None, "No such file.*model.safetensors"),
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0not json", "model.safetensors is broken"),
        ("config.json", b'{"architecture": "other"}', "architecture is other"),
        ("config.json", b"{", "Expecting"),
        ("config.json", b'{"architecture": "chumoku-2"}', "config.json has no "),
    ],
)
def test_a_checkpoint_that_cannot_be_exported_is_refused_in_one_line(
    tiny_checkpoint, tmp_path, name, data, words
):
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)
    with pytest.raises(SystemExit, match=words) as refused:
        export_command(["export", str(folder), str(tmp_path / "pack"), "--revision", "1"])
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "pack").exists()


def test_a_card_for_no_pack_is_refused_in_one_line(tmp_path):
    report = tmp_path / "report.json"
    report.write_text('{"table": ""}', encoding="utf-8")
    with pytest.raises(SystemExit, match="no model pack is installed"):
        export_command(["card", str(tmp_path), str(report)])
    report.write_text("{}", encoding="utf-8")
    with pytest.raises(SystemExit, match="is no report"):
        export_command(["card", str(tmp_path), str(report)])


def test_texts_that_hold_nothing_are_refused_in_one_line(tiny_checkpoint, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n \n", encoding="utf-8")
    command = ["export", str(tiny_checkpoint), str(tmp_path / "pack"), "--revision", "1"]
    with pytest.raises(SystemExit, match=r"texts\.txt has no text"):
        export_command([*command, "--texts", str(texts)])
