"""Wrong arguments in Python end as the package's own errors, which say what was given and what is needed."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusModel,
    DataCollatorForSeq2Seq,
    PegasusTokenizer,
    default_data_collator,
    pipeline,
)
from bigbird_pegasus.errors import BigBirdPegasusError

from tests.model.tiny import tiny_ids
from tests.model.tiny_inputs import CAUSAL, CLASSIFIER, tiny_of_kind

IDS = tiny_ids(2, 10)
IDS[:, -1] = 1
GENERATOR = "BigBirdPegasusForConditionalGeneration"
READER = "BigBirdPegasusForQuestionAnswering"
KINDS = ("BigBirdPegasusModel", GENERATOR, READER, CLASSIFIER, CAUSAL)
NOT_IDS: dict[str, tuple[Any, str]] = {
    "a list": (IDS.tolist(), "input_ids is a list: a tensor is needed"),
    "an array": (IDS.numpy(), "input_ids is a ndarray: a tensor is needed"),
    "a text": ("a text", "input_ids is a str: a tensor is needed"),
    "no tokens": (IDS[:, :0], r"input_ids is \(2, 0\): there is nothing in it"),
    "no rows": (IDS[:0], r"input_ids is \(0, 10\): there is nothing in it"),
    "one row": (IDS[0], r"input_ids are int64 \(10,\): integers \(batch, tokens\)"),
    "fractions": (IDS.float(), "float32"),
    "negative": (-IDS, "input_ids hold -|input_ids hold .*: the vocabulary"),
    "large": (IDS + 100, "the vocabulary has 101 ids"),
    "elsewhere": (IDS.to("meta"), "input_ids are on meta, the model is on cpu"),
}


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {kind: tiny_of_kind(kind).eval() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NOT_IDS)
def test_what_are_no_ids_is_refused(models: dict[str, Any], kind: str, name: str) -> None:
    ids, message = NOT_IDS[name]
    with pytest.raises(BigBirdPegasusError, match=message if kind != CAUSAL else None):
        models[kind](ids)
    with pytest.raises(BigBirdPegasusError, match="attention_mask is a list: a tensor is needed"):
        models[kind](IDS, attention_mask=[[1] * 10] * 2)


STATES = torch.ones(2, 10, 32)
CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "decoder list": (lambda m: m[GENERATOR](IDS, decoder_input_ids=[[1]]), "decoder_input_ids is a list"),
    "no states": (lambda m: m[GENERATOR](IDS, encoder_outputs=()), "encoder_outputs is a tuple"),
    "bare states": (lambda m: m[GENERATOR](IDS, encoder_outputs=STATES), "encoder_outputs is a Tensor"),
    "a text of states": (lambda m: m[GENERATOR](IDS, encoder_outputs="x"), "encoder_outputs is a str"),
    "texts of states": (lambda m: m[GENERATOR](IDS, encoder_outputs=("x",)), "the first of encoder_outputs"),
    "narrow states": (
        lambda m: m[GENERATOR](IDS, encoder_outputs=(STATES[..., 1:],)),
        r"encoder_outputs are \(2, 10, 31\): \(batch, tokens, 32\)",
    ),
    "whole embeddings": (
        lambda m: m[CAUSAL](inputs_embeds=STATES.long()),
        "embeddings are int64: fractions are needed",
    ),
    "flat source": (lambda m: m[CAUSAL](IDS, encoder_hidden_states=STATES[0]), "encoder states are"),
    "other cache": (lambda m: m[GENERATOR](IDS, past_key_values=()), "past_key_values is a tuple: the cache"),
    "wide embeddings": (
        lambda m: m[CAUSAL](inputs_embeds=STATES.double()),
        r"embeddings \(2, 10, 32\) are float64, the model is float32",
    ),
    "wide embeddings to write of": (
        lambda m: m[GENERATOR].generate(inputs_embeds=STATES.double()),
        "embeddings .* are float64, the model is float32",
    ),
    "wide decoder embeddings": (
        lambda m: m[READER](IDS, decoder_inputs_embeds=STATES.double()),
        "embeddings .* are float64, the model is float32",
    ),
    "wide states": (
        lambda m: m[GENERATOR](IDS, encoder_outputs=(STATES.double(),)),
        r"encoder states \(2, 10, 32\) are float64, the model is float32",
    ),
    "narrow types of states": (
        lambda m: m[CAUSAL](IDS, encoder_hidden_states=STATES.half()),
        "encoder states .* are float16, the model is float32",
    ),
    "states to write of": (
        lambda m: m[GENERATOR].generate(encoder_outputs=(STATES.double(),)),
        "encoder states .* are float64",
    ),
    "kept before the first": (
        lambda m: m[CAUSAL](IDS, logits_to_keep=-1),
        "logits_to_keep is -1: a number from",
    ),
    "kept text": (lambda m: m[CAUSAL](IDS, logits_to_keep="x"), "logits_to_keep is 'x': a number from 0"),
    "kept nothing": (
        lambda m: m[CAUSAL](IDS, logits_to_keep=None),
        "logits_to_keep is None: a number from 0",
    ),
    "kept fractions": (
        lambda m: m[CAUSAL](IDS, logits_to_keep=torch.tensor([1.5])),
        r"logits_to_keep is torch.float32 \(1,\): a number from 0",
    ),
    "kept beyond": (
        lambda m: m[CAUSAL](IDS, logits_to_keep=torch.tensor([0, 10])),
        r"logits_to_keep is \[0, 10\]: there are 10 tokens",
    ),
    "label list": (lambda m: m[GENERATOR](IDS, decoder_input_ids=IDS, labels=[1]), "labels is a list"),
    "label list alone": (lambda m: m[GENERATOR](IDS, labels=[1]), "labels is a list"),
    "fractional labels": (
        lambda m: m[GENERATOR](IDS, decoder_input_ids=IDS, labels=IDS.float()),
        "labels are fractions",
    ),
    "large labels": (
        lambda m: m[GENERATOR](IDS, decoder_input_ids=IDS, labels=IDS + 100),
        "labels are from 0 to 100: ",
    ),
    "no such class": (lambda m: m[CLASSIFIER](IDS, labels=torch.tensor([0, 9])), "labels are from 0 to"),
    "class list": (lambda m: m[CLASSIFIER](IDS, labels=[0, 1]), "labels is a list"),
    "one start": (
        lambda m: m[READER](IDS, start_positions=torch.tensor([1]), end_positions=torch.tensor([1])),
        r"start_positions are torch.int64 \(1,\): one integer an example",
    ),
    "fractional end": (
        lambda m: m[READER](IDS, start_positions=torch.tensor([1, 1]), end_positions=torch.ones(2)),
        "end_positions are torch.float32",
    ),
    "documents as lists": (lambda m: m[GENERATOR].generate(IDS.tolist()), "input_ids is a list"),
    "no document": (lambda m: m[GENERATOR].generate(IDS[:0]), "there is nothing in it"),
    "a list of begins": (
        lambda m: m[GENERATOR].generate(IDS, decoder_input_ids=[[2]]),
        "decoder_input_ids is a list",
    ),
    "generate from states": (
        lambda m: m[GENERATOR].generate(encoder_outputs=STATES),
        "encoder_outputs is a Tensor",
    ),
    "prompts in a row": (lambda m: m[CAUSAL].generate(IDS[0]), r"input_ids are \(10,\): prompts"),
    "prompts as text": (lambda m: m[CAUSAL].generate("a"), "input_ids is a str"),
    "a processor": (
        lambda m: m[GENERATOR].generate(IDS, logits_processor="x"),
        "logits_processor is 'x': a list of functions",
    ),
    "a criterion": (
        lambda m: m[GENERATOR].generate(IDS, stopping_criteria=[3]),
        r"stopping_criteria is \[3\]: a list of functions",
    ),
    "no prefix function": (
        lambda m: m[GENERATOR].generate(IDS, prefix_allowed_tokens_fn=3),
        "prefix_allowed_tokens_fn is 3: it is a function",
    ),
    "an assistant": (
        lambda m: m[GENERATOR].generate(IDS, assistant_model=3),
        "assistant_model is 3: it has no",
    ),
    "a streamer": (lambda m: m[GENERATOR].generate(IDS, streamer="x"), "streamer is 'x': it has no put"),
    "a tokenizer": (
        lambda m: m[GENERATOR].generate(IDS, tokenizer=3, stop_strings="a"),
        "tokenizer is 3: it has no decode",
    ),
    "a step": (lambda m: m[CAUSAL].generate(IDS, on_step=3), "on_step is 3: it has no call"),
    "a cache": (
        lambda m: m[GENERATOR].generate(IDS, past_key_values=3),
        "past_key_values is a int: the cache",
    ),
    "suppressed": (
        lambda m: m[GENERATOR].generate(IDS, suppress_tokens=[3, 101]),
        "suppress_tokens holds 101: the model's vocabulary has 101 tokens",
    ),
    "suppressed first": (
        lambda m: m[CAUSAL].generate(IDS, begin_suppress_tokens=101),
        "begin_suppress_tokens holds 101",
    ),
    "bad words": (
        lambda m: m[GENERATOR].generate(IDS, bad_words_ids=[[3], [101, 3]]),
        "bad_words_ids holds 101",
    ),
    "biased": (
        lambda m: m[GENERATOR].generate(IDS, sequence_bias={(3,): 1.0, (200, 3): 1.0}),
        "sequence_bias holds 200",
    ),
    "a negative multiple": (
        lambda m: m[GENERATOR].resize_token_embeddings(pad_to_multiple_of=-8),
        "pad_to_multiple_of is -8: it must be a whole number of at least 1",
    ),
    "a multiple of text": (
        lambda m: m[GENERATOR].resize_token_embeddings(pad_to_multiple_of="x"),
        "pad_to_multiple_of is 'x'",
    ),
    "a size of text": (lambda m: m[GENERATOR].resize_token_embeddings("x"), "new_num_tokens is 'x'"),
    "saved to nothing": (lambda m: m[GENERATOR].save_pretrained(None), "to save to is a path, not None"),
    "saved to a number": (lambda m: m[GENERATOR].save_pretrained(3), "to save to is a path, not 3"),
    "saved to an empty path": (lambda m: m[GENERATOR].save_pretrained(""), "to save to is a path, not ''"),
    "saved to bytes": (lambda m: m[GENERATOR].save_pretrained(b"x"), "to save to is a path, not b'x'"),
    "options to nothing": (
        lambda m: m[GENERATOR].generation_config.save_pretrained(None),
        "a path, not None",
    ),
    "configuration to nothing": (lambda m: m[GENERATOR].config.save_pretrained(None), "a path, not None"),
    "JSON to nothing": (lambda m: m[GENERATOR].config.to_json_file(None), "a path, not None"),
    "a number of a checkpoint": (lambda m: BigBirdPegasusModel.from_pretrained(3), "not 3"),  # type: ignore[arg-type]
    "no checkpoint": (lambda m: BigBirdPegasusConfig.from_pretrained(None), "not None"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_of_a_model_is_refused(models: dict[str, Any], name: str) -> None:
    call, message = CALLS[name]
    with pytest.raises(BigBirdPegasusError, match=message):
        call(models)


def test_what_may_be_of_another_type(models: dict[str, Any]) -> None:
    model = models[CAUSAL]
    assert model(inputs_embeds=STATES.half()).logits.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(inputs_embeds=STATES, encoder_hidden_states=STATES.bfloat16()).logits.shape[1] == 10


def test_logits_are_kept_by_number_and_by_position(models: dict[str, Any]) -> None:
    logits = models[CAUSAL](IDS).logits
    for kept, expected in ((3, logits[:, -3:]), (100, logits), (torch.tensor([0, -1]), logits[:, [0, -1]])):
        torch.testing.assert_close(models[CAUSAL](IDS, logits_to_keep=kept).logits, expected)


def test_one_id_is_suppressed_as_a_list_of_one(models: dict[str, Any]) -> None:
    options: dict[str, Any] = {"max_new_tokens": 3, "min_new_tokens": 3}
    first = models[GENERATOR].generate(IDS, **options)[0, 1].item()
    for name in ("suppress_tokens", "begin_suppress_tokens"):
        one = models[GENERATOR].generate(IDS, **{name: first}, **options)
        assert torch.equal(one, models[GENERATOR].generate(IDS, **{name: [first]}, **options))
        assert one[0, 1].item() != first


TOKENIZER_CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "length": (lambda t: t("a", max_length="x", truncation=True), "max_length is 'x'; it is a whole number"),
    "fraction": (
        lambda t: t("a", max_length=2.5, truncation=True),
        "max_length is 2.5; it is a whole number",
    ),
    "multiple": (lambda t: t("a", padding=True, pad_to_multiple_of="x"), "pad_to_multiple_of is 'x'"),
    "padding": (lambda t: t("a", padding=[1]), r"padding is \[1\]"),
    "truncation": (lambda t: t("a", truncation=[1]), r"truncation is \[1\]"),
    "decode text": (lambda t: t.decode("abc"), "'abc' is no token id"),
    "decode texts": (lambda t: t.decode(["abc"]), "'abc' is no token id"),
    "decode nothing": (lambda t: t.decode(None), "None is no token id"),
    "decode fractions": (lambda t: t.decode([1.5]), r"token ids are whole numbers, not \[1.5\]"),
    "rows": (lambda t: t.batch_decode(3), "rows of token ids are needed, not 3"),
    "rows of text": (lambda t: t.batch_decode("ab"), "rows of token ids are needed, not 'ab'"),
    "a tensor's number": (lambda t: t.batch_decode(torch.tensor(3)), "rows of token ids are needed"),
    "ids of text": (lambda t: t.convert_ids_to_tokens("a"), "'a' is no token id"),
    "fractional ids": (lambda t: t.convert_ids_to_tokens([1.5]), r"token ids are whole numbers, not \[1.5\]"),
    "ids of nothing": (lambda t: t.convert_ids_to_tokens([None]), r"whole numbers, not \[None\]"),
    "rows of ids": (lambda t: t.convert_ids_to_tokens([[1]]), r"whole numbers, not \[\[1\]\]"),
    "mask of nothing": (lambda t: t.get_special_tokens_mask(None), "None is no token id, nor a list"),
    "mask of a text": (
        lambda t: t.get_special_tokens_mask("a", already_has_special_tokens=True),
        "'a' is no",
    ),
    "mask of a pair": (lambda t: t.get_special_tokens_mask([1], 3), "3 is no token id, nor a list"),
    "built of a number": (lambda t: t.build_inputs_with_special_tokens(3), "3 is no token id, nor a list"),
    "texts to tokenize": (lambda t: t.tokenize(["a"]), r"a text is a str, not \['a'\]"),
    "no text to tokenize": (lambda t: t.tokenize(None), "a text is a str, not None"),
    "no text to clean": (lambda t: t.clean_up_tokenization(None), "a text is a str, not None"),
    "no pieces": (lambda t: t.convert_tokens_to_string(None), "None is no token, nor a list of them"),
    "numbers for pieces": (lambda t: t.convert_tokens_to_string([1]), r"\[1\] is no token, nor a list"),
    "a tensor of tokens": (lambda t: t.convert_tokens_to_ids(torch.tensor([1])), "is no token, nor a list"),
    "a number of a tensor": (lambda t: t.convert_tokens_to_ids(torch.tensor(1)), "is no token, nor a list"),
    "spans of nothing": (lambda t: t.token_spans(None), "None is no token, nor a list of them"),
    "save to nothing": (lambda t: t.save_pretrained(None), "to save to is a path, not None"),
    "vocabulary to nothing": (lambda t: t.save_vocabulary(3), "to save to is a path, not 3"),
    "from nothing": (lambda t: PegasusTokenizer.from_pretrained(None), "not None"),  # type: ignore[arg-type]
    "tokens": (lambda t: t.convert_tokens_to_ids(3), "3 is no token, nor a list of them"),
    "special": (lambda t: t.add_special_tokens(["a"]), "special tokens are given by their names"),
    "padded numbers": (lambda t: t.pad([1, 2]), "encodings to pad are a dict of columns"),
    "other keys": (lambda t: t.pad([{"input_ids": [1], "a": 1}, {"input_ids": [2]}]), "with the same keys"),
    "no token": (
        lambda t: t("a").token_to_word(77),
        "there is no token 77: the row has 2|there is no token 77",
    ),
    "no characters": (lambda t: t("a").token_to_chars(77), "there is no token 77"),
    "row": (lambda t: t("a").word_ids("x"), "does not know the texts of row x"),
    "no batch": (lambda t: DataCollatorForSeq2Seq(t)([]), "a batch is made of one example or more"),
    "numbers": (lambda t: default_data_collator([1]), "a batch is made of one example or more"),  # type: ignore[list-item]
    "keys": (lambda t: default_data_collator([{"a": 1}, {"b": 1}]), "not all examples have a, b"),
    "texts": (
        lambda t: DataCollatorForSeq2Seq(t)([{"input_ids": [1], "document": "x"}]),
        "document are texts, of which no tensor is made: remove the column",
    ),
}


@pytest.mark.parametrize("name", TOKENIZER_CALLS)
def test_a_wrong_call_of_a_tokenizer_is_refused(tokenizer: PegasusTokenizer, name: str) -> None:
    call, message = TOKENIZER_CALLS[name]
    with pytest.raises(BigBirdPegasusError, match=message):
        call(tokenizer)


def test_numbers_of_numpy_are_ids(tokenizer: PegasusTokenizer) -> None:
    assert tokenizer.convert_ids_to_tokens(np.int64(10)) == tokenizer.convert_ids_to_tokens(10)  # type: ignore[call-overload]
    ids = tokenizer("a b").input_ids
    assert tokenizer.convert_ids_to_tokens(torch.tensor(ids)) == tokenizer.convert_ids_to_tokens(ids)  # type: ignore[call-overload]
    special = tokenizer.get_special_tokens_mask(torch.tensor(ids), already_has_special_tokens=True)  # type: ignore[arg-type]
    assert special == [0] * (len(ids) - 1) + [1]
    assert tokenizer("a", padding="max_length", max_length=np.int64(5)).input_ids[-1] == 0  # type: ignore[arg-type]


def test_a_table_that_a_hook_moves_may_be_elsewhere() -> None:
    from bigbird_pegasus.modeling.input_checks import check_ids

    table: Any = SimpleNamespace(weight=torch.ones(101, 2, device="meta"), num_embeddings=101)
    check_ids(IDS, table, "input_ids")


PIPELINE_CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a number": (lambda p: p("question-answering")(3), "an example is a dict of question and context, not 3"),
    "a text": (lambda p: p("question-answering")("a"), "an example is a dict of question and context"),
    "nothing": (lambda p: p("question-answering")([None]), "an example is a dict of question and context"),
    "no text": (lambda p: p("question-answering")({"question": 3, "context": "a"}), "are texts, not 3"),
    "context": (lambda p: p("question-answering")(question="a", context=3), "are texts, not 3"),
    "count": (lambda p: p("question-answering")(question="a", context="b", top_k="x"), "top_k is 'x'"),
    "stride": (
        lambda p: p("question-answering")(question="a", context="b", doc_stride="x"),
        "doc_stride is 'x'",
    ),
    "window": (
        lambda p: p("question-answering")(question="a", context="b", max_seq_len=-1),
        "max_seq_len is -1: it must be at least 0",
    ),
    "whether for how long": (
        lambda p: p("question-answering")(question="a", context="b", max_answer_len=True),
        "max_answer_len is True: it must be a whole number",
    ),
    "labels": (
        lambda p: p("text-classification")("a", top_k="x"),
        "top_k is 'x': it must be a whole number of at least 1, or None for all",
    ),
    "fewer labels than none": (lambda p: p("text-classification")("a", top_k=-1), "top_k is -1: it must be"),
    "function": (lambda p: p("text-classification")("a", function_to_apply=3), "function_to_apply is 3: it"),
    "other options": (
        lambda p: p("text-classification")("a", max_new_tokens=3),
        "the tokenizer got an unexpected",
    ),
    "tensors": (
        lambda p: p("text-classification")("a", return_tensors="pt"),
        "return_tensors is set by the pipeline",
    ),
    "bytes to label": (lambda p: p("text-classification")(b"a"), "a text or several of them, not bytes"),
    "prefix": (lambda p: p("text-generation")("a", prefix=3), "prefix is 3: it is a text"),
    "options of a prompt": (
        lambda p: p("text-generation")("a", tokenizer_encode_kwargs=[1]),
        r"tokenizer_encode_kwargs is \[1\]: it is a dict",
    ),
    "options of features": (
        lambda p: p("feature-extraction")("a", tokenize_kwargs=3),
        "options of the tokenizer are a dict by their names, not 3",
    ),
    "truncation of a number": (
        lambda p: p("feature-extraction")("a", tokenize_kwargs=3, truncation=True),
        "options of the tokenizer are a dict by their names, not 3",
    ),
    "unknown option of features": (
        lambda p: p("feature-extraction")("a", tokenize_kwargs={"nonsense": 3}),
        "the tokenizer got an unexpected",
    ),
    "task": (lambda p: pipeline([]), r"task is \[\]: it must be one of"),  # type: ignore[call-overload]
    "arguments": (lambda p: pipeline("summarization", model_kwargs=3), "model_kwargs is 3: it is a dict"),
    "pair": (lambda p: p("text-classification")({"a": "b"}), "a pair has text and text_pair, not a"),
}


TASKS = {
    "summarization": GENERATOR,
    "text2text-generation": GENERATOR,
    "question-answering": READER,
    "text-classification": CLASSIFIER,
    "text-generation": CAUSAL,
    "feature-extraction": "BigBirdPegasusModel",
}
NO_TEXTS: list[Any] = [None, 3, [None], [3], [["a"]], [b"a"], b"a", {}, {"a": "b"}, [{}], [("a",)]]


@pytest.fixture(scope="module")
def choosing() -> Any:
    return pipeline("summarization")


@pytest.mark.parametrize("task", [*TASKS, "the default model"])
@pytest.mark.parametrize("given", NO_TEXTS, ids=repr)
def test_a_pipeline_takes_nothing_but_texts(
    models: dict[str, Any], tokenizer: PegasusTokenizer, choosing: Any, task: str, given: Any
) -> None:
    made = pipeline(task, model=models[TASKS[task]], tokenizer=tokenizer) if task in TASKS else choosing
    message = "give|text|example"
    with pytest.raises(BigBirdPegasusError, match=message):
        made(given)
    with pytest.raises(BigBirdPegasusError, match=message):
        list(made(iter([given])))


@pytest.mark.parametrize("name", PIPELINE_CALLS)
def test_a_wrong_call_of_a_pipeline_is_refused(
    models: dict[str, Any], tokenizer: PegasusTokenizer, name: str
) -> None:
    call, message = PIPELINE_CALLS[name]
    with pytest.raises(BigBirdPegasusError, match=message):
        call(lambda task: pipeline(task, model=models[TASKS[task]], tokenizer=tokenizer))
    with pytest.raises(BigBirdPegasusError, match="the tokenizer is 3"):
        pipeline("text-classification", model=models[CLASSIFIER], tokenizer=3)
