"""`from_pretrained` across classes: heads that are new, heads that are not wanted, options."""

import json
from pathlib import Path
from typing import Any

import bigbird_pegasus
import pytest
import torch
from bigbird_pegasus import NewHeadWarning, load_model
from bigbird_pegasus.checkpoints.loader import own_tensors
from bigbird_pegasus.config import ARCHITECTURES
from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.loading import CLASSES
from safetensors.torch import load_file, save_file

from tests.model.tiny import tiny_config, tiny_ids, tiny_model
from tests.model.tiny_inputs import KINDS, tiny_inputs

MODEL, WRITER, CLASSIFIER, ANSWERER, CAUSAL = KINDS
NEW_HEADS = {
    CLASSIFIER: "classification_head.dense.weight, classification_head.dense.bias, "
    "classification_head.out_proj.weight, classification_head.out_proj.bias",
    ANSWERER: "qa_outputs.weight, qa_outputs.bias",
}


def read(kind: str, folder: Path, **options: Any) -> Any:
    return getattr(bigbird_pegasus, kind).from_pretrained(folder, **options)


def test_every_known_architecture_is_the_class_of_its_name() -> None:
    assert tuple(CLASSES) == ARCHITECTURES
    assert all(cls.__name__ == name for name, cls in CLASSES.items())


def test_the_first_known_of_several_architectures_is_loaded(tmp_path: Path) -> None:
    getattr(bigbird_pegasus, CLASSIFIER)(tiny_config()).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["PegasusModel", CLASSIFIER, WRITER]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert type(load_model(tmp_path)).__name__ == CLASSIFIER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of the model that writes: what is published."""
    tiny_model().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_loads_what_it_saved(tmp_path: Path, kind: str) -> None:
    model = getattr(bigbird_pegasus, kind)(tiny_config()).eval()
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert type(loaded) is type(model)
    inputs = tiny_inputs(kind, 61)
    with torch.no_grad():
        assert torch.equal(loaded(**inputs)[0], model(**inputs)[0])


@pytest.mark.parametrize("kind", NEW_HEADS)
def test_a_new_head_is_drawn_with_a_warning_that_names_its_tensors(folder: Path, kind: str) -> None:
    with pytest.warns(
        NewHeadWarning, match=f"has no {NEW_HEADS[kind]}: newly initialized, train {kind}"
    ) as caught:
        model = read(kind, folder, init_std=0.05)
    assert caught[0].filename == __file__
    body = own_tensors(tiny_model())
    head = {name: t for name, t in own_tensors(model).items() if name not in body}
    for name, tensor in head.items():
        if name.endswith("bias"):
            assert not tensor.any()
        else:
            assert 0.03 < tensor.std().item() < 0.07
    assert all(torch.equal(t, body[name]) for name, t in own_tensors(model).items() if name in body)
    assert model(**tiny_inputs(kind, 61))[0].isfinite().all()


@pytest.mark.filterwarnings("ignore::bigbird_pegasus.checkpoints.loader.NewHeadWarning")
def test_a_seed_gives_the_same_new_head(folder: Path) -> None:
    heads = []
    for seed in (5, 5, 6):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            heads.append(read(CLASSIFIER, folder).classification_head.dense.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.mark.filterwarnings("ignore::bigbird_pegasus.checkpoints.loader.NewHeadWarning")
@pytest.mark.parametrize("dtype", ["bfloat16", "auto"])
def test_a_new_head_has_the_type_of_the_body(tmp_path: Path, dtype: str) -> None:
    tiny_model().to(torch.bfloat16).save_pretrained(tmp_path)
    model = read(ANSWERER, tmp_path, dtype=dtype)
    assert {t.dtype for t in own_tensors(model).values()} == {torch.bfloat16}


def test_only_what_a_head_lacks_is_new(tmp_path: Path) -> None:
    bigbird_pegasus.BigBirdPegasusForSequenceClassification(tiny_config()).save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["classification_head.out_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.warns(NewHeadWarning, match=r"has no classification_head\.out_proj\.weight: newly"):
        model = read(CLASSIFIER, tmp_path)
    assert torch.equal(model.classification_head.dense.weight, tensors["classification_head.dense.weight"])


def test_heads_of_other_classes_are_ignored(folder: Path, tmp_path: Path) -> None:
    body = read(MODEL, folder)
    assert torch.equal(body(tiny_ids(1, 40))[0], tiny_model().model(tiny_ids(1, 40))[0])
    for kind in (CLASSIFIER, ANSWERER):
        getattr(bigbird_pegasus, kind)(tiny_config()).save_pretrained(tmp_path / kind)
        for other in (MODEL, WRITER):
            read(other, tmp_path / kind)


def test_a_writer_made_of_a_bare_model_has_no_bias_and_is_not_new(tmp_path: Path) -> None:
    tiny_model().model.save_pretrained(tmp_path)
    assert not read(WRITER, tmp_path).final_logits_bias.any()


def test_a_causal_model_made_of_a_published_checkpoint_writes_with_its_embedding(folder: Path) -> None:
    """Published files hold the table of tokens once; transformers 5.23 leaves both of them random here."""
    model = read(CAUSAL, folder, add_cross_attention=False)
    assert model.config.is_decoder, f"{model.__class__} has to be configured as a decoder."
    writer = tiny_model()
    table = writer.model.shared.weight
    assert torch.equal(model.lm_head.weight, table)
    assert model.lm_head.weight.data_ptr() != model.decoder.embed_tokens.weight.data_ptr()
    states = writer.model.decoder(tiny_ids(2, 9)).last_hidden_state
    torch.testing.assert_close(model(tiny_ids(2, 9)).logits, states @ table.T)


def test_a_causal_model_takes_the_output_head_that_a_checkpoint_has(folder: Path) -> None:
    """Old published files repeat the table under all its names; here one copy differs, to tell them apart."""
    tensors = load_file(folder / "model.safetensors")
    table = tensors["model.shared.weight"]
    tensors |= {f"model.{part}.embed_tokens.weight": table.clone() for part in ("encoder", "decoder")}
    tensors["lm_head.weight"] = table + 1
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = read(CAUSAL, folder)
    assert torch.equal(model.decoder.embed_tokens.weight, table)
    assert torch.equal(model.lm_head.weight, table + 1)


def test_a_causal_checkpoint_has_no_encoder_for_the_other_classes(tmp_path: Path) -> None:
    bigbird_pegasus.BigBirdPegasusForCausalLM(tiny_config()).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"\d+ missing: encoder\."):
        read(MODEL, tmp_path)
    with pytest.raises(ConfigError, match="a model that writes needs its decoder"):
        read(WRITER, tmp_path)


def test_a_causal_model_loads_with_its_generation_options(tmp_path: Path) -> None:
    model = bigbird_pegasus.BigBirdPegasusForCausalLM(tiny_config())
    assert model.generation_config is not None
    model.generation_config = model.generation_config.replace(num_beams=3)
    model.save_pretrained(tmp_path)
    assert read(CAUSAL, tmp_path).generation_config.num_beams == 3


@pytest.mark.filterwarnings("ignore::bigbird_pegasus.checkpoints.loader.NewHeadWarning")
def test_configuration_changes_are_keywords(folder: Path) -> None:
    model = read(CLASSIFIER, folder, num_labels=4, problem_type="multi_label_classification")
    assert model(**tiny_inputs(CLASSIFIER, 9)).logits.shape == (3, 4)
    assert model.config.problem_type == "multi_label_classification"
    assert model.config.id2label[3] == "LABEL_3"
    named = read(CLASSIFIER, folder, id2label={0: "arxiv", 1: "wiki", 2: "rfc"})
    assert named.config.label2id == {"arxiv": 0, "wiki": 1, "rfc": 2}
    full, sparse = read(MODEL, folder, attention_type="original_full"), read(MODEL, folder)
    assert not torch.allclose(full(tiny_ids(1, 61))[0], sparse(tiny_ids(1, 61))[0])


def test_the_number_of_labels_a_checkpoint_has_keeps_their_names(tmp_path: Path) -> None:
    config = tiny_config(id2label={0: "arxiv", 1: "wiki", 2: "rfc"})
    bigbird_pegasus.BigBirdPegasusForSequenceClassification(config).save_pretrained(tmp_path)
    assert read(CLASSIFIER, tmp_path, num_labels=3).config.id2label[1] == "wiki"
    with pytest.raises(CheckpointError, match=r"out_proj\.weight is 3 x 32, the configuration says 5 x 32"):
        read(CLASSIFIER, tmp_path, num_labels=5)


def test_an_unknown_option_is_an_error_that_names_the_closest(folder: Path) -> None:
    with pytest.raises(ConfigError, match="unknown option 'num_lables': did you mean num_labels"):
        read(CLASSIFIER, folder, num_lables=3)


@pytest.mark.parametrize(
    "options",
    [
        {"torch_dtype": torch.bfloat16, "device_map": "cpu"},
        {"dtype": torch.bfloat16, "device_map": {"": "cpu"}},
        {"torch_dtype": "bfloat16", "device": torch.device("cpu")},
    ],
)
def test_published_names_of_type_and_device_are_accepted(folder: Path, options: dict[str, Any]) -> None:
    model = read(WRITER, folder, **options)
    assert (model.dtype, model.device) == (torch.bfloat16, torch.device("cpu"))


def test_automatic_device_is_the_accelerator_where_there_is_one(folder: Path) -> None:
    model = read(WRITER, folder, dtype=torch.bfloat16, device_map="auto")
    assert model.device.type == (torch.accelerator.current_accelerator(True) or torch.device("cpu")).type


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "float32", "torch_dtype": "float32"}, "give dtype or torch_dtype, not both"),
        ({"device": "cpu", "device_map": "auto"}, "give device or device_map, not both"),
        ({"device_map": {"model.encoder": 0, "model.decoder": "cpu"}}, "a model is on one device"),
        ({"device": "toaster"}, "device is 'toaster'"),
    ],
)
def test_contradicting_or_unknown_types_and_devices_are_errors(
    folder: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        read(WRITER, folder, **options)
