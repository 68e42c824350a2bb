"""The published methods of models; those of transformers' class are the oracle where they can be."""

import copy
import gc
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from bigbird_pegasus import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForSentenceExtraction,
    BigBirdPegasusPreTrainedModel,
    load_model,
)
from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.modeling.token_embeddings import TokenEmbedding
from bigbird_pegasus.quantization.quantize import quantize_linears
from torch import nn

from tests.model.tiny import tiny_config, tiny_ids, tiny_model
from tests.model.tiny_inputs import CAUSAL, CLASSIFIER, KINDS, tiny_inputs, tiny_of_kind
from tests.parity.reference import reference_model

AUTO: dict[str, Any] = {
    "BigBirdPegasusModel": AutoModel,
    "BigBirdPegasusForConditionalGeneration": AutoModelForSeq2SeqLM,
    "BigBirdPegasusForSequenceClassification": AutoModelForSequenceClassification,
    "BigBirdPegasusForQuestionAnswering": AutoModelForQuestionAnswering,
    "BigBirdPegasusForCausalLM": AutoModelForCausalLM,
}


@pytest.mark.parametrize("kind", KINDS)
def test_modules_states_and_counts_are_those_of_transformers(kind: str, tmp_path: Path) -> None:
    theirs = reference_model(tmp_path, kind=kind)
    ours = AUTO[kind].from_pretrained(tmp_path)
    assert type(ours).__name__ == kind
    assert {name for name, _ in ours.named_parameters()} == {name for name, _ in theirs.named_parameters()}
    linears = {n for n, m in theirs.named_modules() if isinstance(m, nn.Linear)}
    assert {n for n, m in ours.named_modules() if isinstance(m, nn.Linear)} == linears
    assert ours.num_parameters() == theirs.num_parameters()
    assert ours.num_parameters(exclude_embeddings=True) == theirs.num_parameters(exclude_embeddings=True)
    assert ours.num_parameters(only_trainable=True) == theirs.num_parameters(only_trainable=True)
    assert ours.get_memory_footprint() == theirs.get_memory_footprint()
    assert ours.get_memory_footprint(return_buffers=False) == theirs.get_memory_footprint(False)
    assert ours.can_generate() == theirs.can_generate()
    assert ours.main_input_name == theirs.main_input_name
    assert ours.base_model_prefix == theirs.base_model_prefix
    assert (ours.base_model is ours) == (theirs.base_model is theirs)
    assert ours.name_or_path == theirs.name_or_path or ours.name_or_path == str(tmp_path)
    ours.load_state_dict(theirs.state_dict())  # with each name of what is shared
    missing, unexpected = theirs.load_state_dict(ours.state_dict(), strict=False)
    tied = {"shared.weight", "embed_tokens.weight", "lm_head.weight"}
    assert unexpected == []
    assert {name.removeprefix("model.").split("coder.")[-1] for name in missing} <= tied


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_can_be_had_set_and_resized(kind: str) -> None:
    model = tiny_of_kind(kind)
    inputs = tiny_inputs(kind, 9)
    before = model(**inputs)[0]
    table = model.get_input_embeddings()
    assert table.weight.shape == (101, 32)
    plain = nn.Embedding.from_pretrained(table.weight.detach() * table.embed_scale, padding_idx=0)
    model.set_input_embeddings(plain)
    assert model.get_input_embeddings() is plain
    if (
        kind != "BigBirdPegasusForConditionalGeneration"
    ):  # there the output head is the same table, which is not scaled
        torch.testing.assert_close(model(**inputs)[0], before)
    same = TokenEmbedding(model.config)
    same.weight = table.weight
    model.set_input_embeddings(same)
    torch.testing.assert_close(model(**inputs)[0], before)
    assert model.resize_token_embeddings(None, pad_to_multiple_of=8) is model.get_input_embeddings()
    assert model.config.vocab_size == model.get_input_embeddings().num_embeddings == 104
    torch.testing.assert_close(model.get_input_embeddings().weight[101:], table.weight.mean(0).expand(3, -1))
    head = model.get_output_embeddings()
    assert (head is None) == (not model.can_generate())
    if head is not None:
        assert (head.weight.shape, head.out_features) == ((104, 32), 104)
        assert (head.weight is model.get_input_embeddings().weight) == (kind != CAUSAL)
        torch.testing.assert_close(model(**inputs)[0][..., :101], before)
        model.set_output_embeddings(copy.deepcopy(head))
        assert model.get_output_embeddings().weight is not head.weight
        model.tie_weights()
        assert (model.get_output_embeddings().weight is table.weight) is False
    else:
        with pytest.raises(ConfigError, match="has no output embeddings"):
            model.set_output_embeddings(nn.Linear(2, 2))


def test_resizing_refuses_what_cannot_be_and_can_draw_new_rows() -> None:
    model = tiny_model()
    with pytest.raises(ConfigError, match="outside the vocabulary"):
        model.resize_token_embeddings(2)
    table: Any = model.resize_token_embeddings(301, mean_resizing=False)
    assert 0.2 < table.weight[101:].std().item() < 0.4  # init_std is 0.3
    quantize_linears(model, "int8")
    with pytest.raises(ConfigError, match="quantized vocabulary cannot be resized"):
        model.resize_token_embeddings(302)


def test_encoder_and_decoder_can_be_had_where_there_are_any() -> None:
    model = tiny_model()
    assert model.get_encoder() is model.model.encoder
    assert model.get_decoder() is model.model.decoder
    extractor = BigBirdPegasusForSentenceExtraction(tiny_config())
    assert extractor.get_encoder() is extractor.encoder
    for lone, part in ((extractor, "decoder"), (tiny_of_kind(CAUSAL), "encoder")):
        with pytest.raises(ConfigError, match=f"has no {part}"):
            getattr(lone, f"get_{part}")()


def test_what_a_configuration_says_holds_from_the_next_call_on() -> None:
    model, ids = tiny_model(), tiny_ids(1, 90)
    inputs = {"input_ids": ids, "decoder_input_ids": ids[:, :3]}
    sparse = model(**inputs)
    assert sparse.past_key_values is not None
    model.config.use_cache = False
    model.config.output_hidden_states = True
    changed = model(**inputs)
    assert changed.past_key_values is None
    assert len(changed.encoder_hidden_states) == 3
    model.set_attention_type("original_full")
    assert not torch.allclose(model(**inputs).logits, sparse.logits)
    with pytest.raises(ConfigError, match="attention_type is 'dense'"):
        model.set_attention_type("dense")  # type: ignore[arg-type]


def test_labels_are_shifted_for_the_decoder_as_by_transformers(tmp_path: Path) -> None:
    theirs, model = reference_model(tmp_path), tiny_model()
    labels = tiny_ids(2, 5)
    labels[1, 3:] = -100
    expected = theirs.prepare_decoder_input_ids_from_labels(labels.clone())
    assert model.prepare_decoder_input_ids_from_labels(labels).tolist() == expected.tolist()
    assert model.prepare_inputs_for_generation(labels)["decoder_input_ids"] is labels
    assert tiny_of_kind(CAUSAL).prepare_inputs_for_generation(labels, a=1) == {"input_ids": labels, "a": 1}
    encoded = model._prepare_encoder_decoder_kwargs_for_generation(tiny_ids(1, 5), {})
    assert encoded["encoder_outputs"].last_hidden_state.shape == (1, 5, 32)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_same_with_gradient_checkpointing(kind: str) -> None:
    model = tiny_of_kind(kind, dropout=0.0).train().requires_grad_(True)
    inputs = tiny_inputs(kind, 60, labels=True)

    def gradients() -> list[torch.Tensor | None]:
        model.zero_grad()
        output = model(**inputs)
        (output.last_hidden_state.square().mean() if output.get("loss") is None else output.loss).backward()
        return [parameter.grad for parameter in model.parameters()]

    plain = gradients()
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    assert model.is_activation_checkpointing
    assert model(**inputs).past_key_values is None  # layers are run twice
    for a, b in zip(gradients(), plain, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b)
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    with pytest.raises(ConfigError, match="offload is not offered"):
        model.activation_checkpointing_enable(offload=True)


def saved_bytes(model: Any, inputs: dict[str, Any]) -> int:
    """How much a forward keeps for the gradients: the tensors saved, each memory once."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(**inputs).loss
        weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
        total = sum(size for pointer, size in kept.items() if pointer not in weights)
    del loss
    gc.collect()
    return total


def test_gradient_checkpointing_keeps_much_less() -> None:
    kind = "BigBirdPegasusForConditionalGeneration"
    model = tiny_of_kind(kind, encoder_layers=6, decoder_layers=6, encoder_ffn_dim=128, decoder_ffn_dim=128)
    model.train().requires_grad_(True)
    inputs = tiny_inputs(kind, 200, labels=True)
    plain = saved_bytes(model, inputs)
    model.gradient_checkpointing_enable()
    assert saved_bytes(model, inputs) < 0.35 * plain
    model.gradient_checkpointing_enable(every_n_layers=2)
    assert 0.35 * plain < saved_bytes(model, inputs) < 0.8 * plain


def test_inputs_can_be_made_to_require_gradients_and_not_again() -> None:
    model = tiny_model()
    model.enable_input_require_grads()
    model.enable_input_require_grads()
    assert model.get_input_embeddings()(tiny_ids(1, 3)).requires_grad
    model.disable_input_require_grads()
    assert not model.get_input_embeddings()(tiny_ids(1, 3)).requires_grad


def test_auto_classes_read_this_kind_of_checkpoint_and_name_another(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).d_model == 32
    assert AutoConfig.for_model("bigbird_pegasus", d_model=64).d_model == 64
    assert isinstance(
        AutoModelForSeq2SeqLM.from_config(tiny_config()), BigBirdPegasusForConditionalGeneration
    )
    with pytest.raises(ConfigError, match="model_type is 'bert': only 'bigbird_pegasus'"):
        AutoConfig.for_model("bert")
    for auto in (AutoConfig, AutoModel):
        with pytest.raises(ConfigError, match="use from_pretrained"):
            auto()
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="model_type is 'bert'"):
        AutoModelForSeq2SeqLM.from_pretrained(tmp_path)


def test_from_pretrained_takes_the_published_arguments(tmp_path: Path) -> None:
    model = tiny_model()
    model.save_pretrained(tmp_path / "sub", variant="fp16")
    read: Any = BigBirdPegasusForConditionalGeneration.from_pretrained
    options: Any = {
        "subfolder": "sub",
        "variant": "fp16",
        "use_safetensors": True,
        "low_cpu_mem_usage": True,
        "trust_remote_code": True,
        "attn_implementation": "eager",
        "cache_dir": tmp_path,
        "token": False,
        "force_download": False,
        "device_map": "auto",
    }
    loaded, info = read(tmp_path, output_loading_info=True, **options)
    assert info == {
        **{"missing_keys": set(), "unexpected_keys": set(), "mismatched_keys": set()},
        "error_msgs": [],
    }
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor)
    assert loaded.config.name_or_path == str(tmp_path)
    config = BigBirdPegasusConfig.from_pretrained(tmp_path / "sub")
    given = read(tmp_path / "sub", config=config, state_dict=model.state_dict(), dropout=0.5)
    assert (given.config.dropout, config.dropout) == (0.5, 0.1)
    torch.testing.assert_close(given.lm_head.weight, model.lm_head.weight)
    assert read(tmp_path / "sub", config=tmp_path / "sub", variant="fp16").config == loaded.config
    with pytest.raises(CheckpointError, match="has no weights: looked for pytorch_model"):
        read(tmp_path / "sub", use_safetensors=False)
    with pytest.raises(ConfigError, match="attn_implementation is 'flash_attention_2'"):
        read(tmp_path / "sub", attn_implementation="flash_attention_2")
    with pytest.raises(ConfigError, match="device_map is 'balanced'"):
        read(tmp_path / "sub", device_map="balanced")
    with pytest.raises(ConfigError, match="unknown option 'dropuot': did you mean dropout"):
        read(tmp_path / "sub", dropuot=1)
    with pytest.raises(ConfigError, match="subfolder is 'sub'"):
        read("owner/name", subfolder="sub")


def test_what_has_another_shape_is_newly_initialized_where_that_is_allowed(tmp_path: Path) -> None:
    tiny_of_kind(CLASSIFIER, num_labels=2).save_pretrained(tmp_path)
    read = AUTO[CLASSIFIER].from_pretrained
    with pytest.raises(CheckpointError, match="wrong shape"):
        read(tmp_path, num_labels=3)
    with pytest.warns(UserWarning, match=r"classification_head\.out_proj\.weight"):
        model, info = read(tmp_path, num_labels=3, ignore_mismatched_sizes=True, output_loading_info=True)
    names = {"classification_head.out_proj.weight", "classification_head.out_proj.bias"}
    assert info["mismatched_keys"] == names
    assert model.classification_head.out_proj.weight.shape == (3, 32)
    assert 0.1 < model.classification_head.out_proj.weight.std().item() < 0.5


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_weights_in_shards_are_read_here_and_by_transformers(
    safe: bool, variant: str | None, tmp_path: Path
) -> None:
    model = tiny_model()
    options: Any = {"safe_serialization": safe, "variant": variant}
    model.save_pretrained(tmp_path, **options)  # in one file, which the shards replace
    model.save_pretrained(tmp_path, max_shard_size="20KB", **options)
    assert len(list(tmp_path.glob("*-of-*"))) > 3
    read: dict[str, Any] = {"variant": variant, "use_safetensors": safe}
    for loaded in (
        BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path, **read),
        transformers.BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path, **read),
    ):
        torch.testing.assert_close(loaded.state_dict()["final_logits_bias"], model.final_logits_bias)
        torch.testing.assert_close(loaded.state_dict()["model.shared.weight"], model.model.shared.weight)
    model.save_pretrained(tmp_path, **options)
    assert not list(tmp_path.glob("*-of-*"))


def test_saving_takes_a_state_and_leaves_out_what_is_not_offered(tmp_path: Path) -> None:
    model = tiny_model()
    model.save_pretrained(tmp_path / "none", is_main_process=False)
    assert not (tmp_path / "none").exists()
    state = {name: tensor * 2 for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path, state_dict=state)
    loaded: Any = load_model(tmp_path)
    torch.testing.assert_close(loaded.model.shared.weight, model.model.shared.weight * 2)
    with pytest.raises(ConfigError, match="push_to_hub is not offered"):
        model.save_pretrained(tmp_path, push_to_hub=True)
    with pytest.raises(ConfigError, match="max_shard_size is 'huge'"):
        model.save_pretrained(tmp_path, max_shard_size="huge")
    with pytest.raises(ConfigError, match="no option 'fooo'"):
        AutoModel.from_config(tiny_config(), fooo=1)
    assert issubclass(type(loaded), BigBirdPegasusPreTrainedModel)
    assert AutoModel.from_config(tiny_config(), dtype="bfloat16").dtype == torch.bfloat16
