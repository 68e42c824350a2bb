"""Pieces of the scripts that people have, run with both packages on one small checkpoint."""

import copy
import io
import json
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bigbird_pegasus
import numpy as np
import pytest
import torch
import transformers

from tests.model.vocabularies import train_published_vocabulary
from tests.parity.reference import reference_model
from tests.parity.test_tokenizer_parity import BIGBIRD_CONFIG

A = "The tide gate at the old mill opens."
B = "The river is higher than the sea, and the wind is salt."
SHORT = ["The tide gate opens.", "The river is higher."]  # read with full attention
KINDS = {
    "gen": "BigBirdPegasusForConditionalGeneration",
    "cls": "BigBirdPegasusForSequenceClassification",
    "qa": "BigBirdPegasusForQuestionAnswering",
    "lm": "BigBirdPegasusForCausalLM",
}


class Script:
    """What a script has: a package, and folders of checkpoints."""

    def __init__(self, package: Any, folder: Path) -> None:
        self.m, self.folder = package, folder

    @property
    def tok(self) -> Any:
        return self.m.PegasusTokenizer.from_pretrained(self.folder / "gen")

    def load(self, kind: str, **options: Any) -> Any:
        return getattr(self.m, KINDS[kind]).from_pretrained(self.folder / kind, **options)

    @property
    def gen(self) -> Any:
        return self.load("gen")

    def batch(self) -> Any:
        return self.tok(SHORT, padding=True, return_tensors="pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    vocabulary = train_published_vocabulary(folder / "spiece.model")
    tokens = BIGBIRD_CONFIG | {"model_max_length": 64, "sep_token": None, "cls_token": None}
    for name, kind in KINDS.items():
        reference_model(
            folder / name, kind=kind, **({"vocab_size": 100, "num_labels": 3 if name == "cls" else 2})
        )
        (folder / name / "spiece.model").write_bytes(vocabulary.read_bytes())
        (folder / name / "tokenizer_config.json").write_text(json.dumps(tokens))
    return folder


def assert_same(mine: Any, other: Any) -> None:
    """Compare results: mappings by their keys, tuples as lists, numbers as closely as tensors."""
    if isinstance(other, torch.Tensor | np.ndarray | float):
        assert type(mine) is type(other)
        torch.testing.assert_close(torch.as_tensor(mine), torch.as_tensor(other), rtol=1e-4, atol=1e-4)
    elif hasattr(other, "items"):
        assert {*mine} == {*other}
        for name in other:
            assert_same(mine[name], other[name])
    elif isinstance(other, list | tuple):
        assert len(mine) == len(other)
        for one, another in zip(mine, other, strict=True):
            assert_same(one, another)
    else:
        assert mine == other


def squad(s: Script) -> Any:
    """The windows of run_qa.py: of which example, and where the context is in them."""
    found = s.tok(
        [A, B],
        [B, B],
        truncation="only_second",
        max_length=48,
        stride=4,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
    )
    samples = found.pop("overflow_to_sample_mapping")
    rows = []
    for number, offsets in enumerate(found["offset_mapping"]):
        sequence = found.sequence_ids(number)
        kept = [offset if sequence[n] == 1 else None for n, offset in enumerate(offsets)]
        places = [n for n, offset in enumerate(kept) if offset is not None]
        rows.append([samples[number], places[0], places[-1], offsets[places[-1]][1]])
    return rows


def ner(s: Script) -> Any:
    """The labels of run_ner.py: one at the first token of each word."""
    encoded = s.tok([A.split(), B.split()], truncation=True, is_split_into_words=True)
    rows = []
    for number in range(2):
        words = encoded.word_ids(batch_index=number)
        rows.append([-100 if w is None or (n and w == words[n - 1]) else w for n, w in enumerate(words)])
    return rows


def summaries(s: Script) -> Any:
    """What run_summarization.py maps over its data."""
    inputs = s.tok([A, B], max_length=12, padding="max_length", truncation=True)
    labels = s.tok(text_target=[B, A], max_length=6, padding="max_length", truncation=True)
    labels["input_ids"] = [
        [(n if n != s.tok.pad_token_id else -100) for n in row] for row in labels["input_ids"]
    ]
    inputs["labels"] = labels["input_ids"]
    return inputs


def target_context(s: Script) -> Any:
    tok = s.tok
    if not hasattr(tok, "as_target_tokenizer"):  # gone in transformers 5
        return tok(A)
    with tok.as_target_tokenizer():
        return tok(A)


def added(s: Script) -> Any:
    tok = s.tok
    count = tok.add_tokens([s.m.AddedToken("<new>", normalized=False), s.m.AddedToken("<sp>", special=True)])
    tokens = {n: (str(t), t.content, t.special) for n, t in tok.added_tokens_decoder.items() if n > 99}
    text = tok.decode(tok("a <new> b <sp>").input_ids, skip_special_tokens=True)
    return [count, tok("a <new> b").input_ids, tokens, text, tok.added_tokens_encoder["<new>"]]


def positions(s: Script) -> Any:
    one, many, pair = s.tok(A), s.tok([A, B]), s.tok(A, B)
    return [
        [one.word_to_tokens(n) for n in (0, 3, 7, 77)],
        [many.word_to_tokens(1, n) for n in range(5)],
        [pair.word_to_tokens(n, sequence_index=1) for n in range(3)],
        [one.word_to_chars(n)[1] for n in range(8)],
        [one.char_to_word(n) for n in (0, 1, 5, 6, 10)],
        [pair.char_to_word(0, n, sequence_index=1) for n in (0, 5, 11)],
        [one.char_to_token(n) for n in (5, 6, 30)],
        [one.token_to_word(n) for n in range(len(one.input_ids))],
        [many.token_to_word(1, n) for n in (0, 4, 9)],
        [pair.token_to_sequence(n) for n in range(len(pair.input_ids))],
        [one.token_to_chars(n)[1] for n in range(1, 5)],
        [one.n_sequences, pair.n_sequences, one.is_fast, s.m.BatchEncoding({}).is_fast],
    ]


def encodings(s: Script) -> Any:
    found = s.tok([A, "a"], truncation=True, max_length=12, padding=True)
    names = ("ids", "type_ids", "tokens", "attention_mask", "special_tokens_mask", "word_ids")
    rows = [
        [getattr(row, name) for name in (*names, "sequence_ids", "n_sequences")] for row in found.encodings
    ]
    return [rows, found[1].ids, len(found[0]), [row.ids for row in found[0:1]]]


def left(s: Script, **options: Any) -> Any:
    tok = s.tok
    tok.truncation_side = "left"
    pair = tok(A, B, truncation="only_second", max_length=40, **options).input_ids
    return [tok(B, truncation=True, max_length=8, **options).input_ids, pair]


def saved_tokenizer(s: Script) -> Any:
    with tempfile.TemporaryDirectory() as place:
        names = s.tok.save_pretrained(place)
        s.tok.save_vocabulary(place)
        again = s.m.PegasusTokenizer.from_pretrained(s.folder / "gen", truncation_side="right")
        return [again(A).input_ids, all(Path(name).exists() for name in names) and isinstance(names, tuple)]


def batch_encodings(s: Script) -> Any:
    made = s.m.BatchEncoding
    return [
        made({"input_ids": [[1, 2]]}, tensor_type="pt"),
        made({"input_ids": [1, 2]}, tensor_type="np", prepend_batch_axis=True),
        made({"input_ids": [[1, 2], [3, 4]]})[0:1],
        s.tok(A, return_token_type_ids=True),
        s.tok([A, "a"], padding=True, return_token_type_ids=True, return_tensors="pt"),
        s.tok.pad([{"input_ids": [5, 6], "labels": 1}, {"input_ids": [5], "labels": 0}], return_tensors="pt"),
    ]


def attributes(s: Script) -> Any:
    tok = s.tok
    names = ("vocab_size", "model_max_length", "padding_side", "truncation_side", "pad_token_id", "is_fast")
    more = ("max_len_single_sentence", "max_len_sentences_pair", "mask_token", "extra_special_tokens")
    found = [getattr(tok, name) for name in (*names, *more)]
    kept = {name: tok.init_kwargs[name] for name in ("offset", "model_max_length", "eos_token")}
    return [len(tok), found, kept, repr(tok).split("special_tokens")[0], tok.clean_up_tokenization("a .")]


def decoding(s: Script) -> Any:
    rows = torch.tensor([[2, 10, 11, 12, 1, 0], [2, 20, 21, 22, 23, 1]])
    options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    tok = s.tok
    return [
        tok.batch_decode(rows, **options),
        tok.batch_decode(np.where(rows.numpy() == 12, 0, rows.numpy()), **options),
        tok.decode([10, 11], spaces_between_special_tokens=False),
        [tok.decode(np.array([10, 11])), tok.decode(rows[0, 1]), tok.convert_ids_to_tokens(rows[0])],
    ]


def copies(s: Script) -> Any:
    tok = s.tok
    encoded = tok(A)
    return [
        copy.deepcopy(tok)(A),
        pickle.loads(pickle.dumps(tok))(A),
        dict(pickle.loads(pickle.dumps(encoded))),
        pickle.loads(pickle.dumps(encoded)).word_ids(),
        pickle.loads(pickle.dumps(s.gen.config)).d_model,
        copy.deepcopy(s.gen)(**s.batch()).logits,
    ]


def stored_states(s: Script) -> Any:
    model = s.gen
    fresh = type(model)(model.config)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    keys = fresh.load_state_dict(torch.load(file))
    return [list(keys.missing_keys), fresh.eval()(**s.batch()).logits]


def whole_model(s: Script) -> Any:
    file = io.BytesIO()
    torch.save(s.gen, file)
    file.seek(0)
    return torch.load(file, weights_only=False).generate(**s.batch(), max_new_tokens=3)


def hooks(s: Script) -> Any:
    model, calls = s.gen, []
    body = model.model
    watched = {
        "encoder": body.encoder,
        "layer": body.encoder.layers[0],
        "self": body.encoder.layers[0].self_attn,
        "decoder self": body.decoder.layers[0].self_attn,
        "cross": body.decoder.layers[1].encoder_attn,
        "fc1": body.decoder.layers[1].fc1,
        "norm": body.decoder.layernorm_embedding,
        "head": model.lm_head,
    }
    for name, module in watched.items():
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    model(**s.batch())
    return calls


def tuned(s: Script) -> Any:
    """A step of a training loop without dropout."""
    model = s.load("gen").train()
    for module in model.modules():
        for name in ("dropout", "activation_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for parameter in model.model.encoder.layers.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    batch = s.batch()
    for _ in range(2):
        loss = model(**batch, labels=batch["input_ids"]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return [loss, model.num_parameters(only_trainable=True)]


def classes(s: Script) -> Any:
    model = s.load("cls")
    several = s.load("cls")(**s.batch(), labels=torch.eye(3)[:2])
    return [model(**s.batch(), labels=torch.tensor([0, 2])).loss, several.loss, list(several)]


def spans(s: Script) -> Any:
    ends = {"start_positions": torch.tensor([1, 99]), "end_positions": torch.tensor([[2], [99]])}
    output = s.load("qa")(**s.batch(), **ends)
    return [output.loss, list(output), output.start_logits]


def collators(s: Script) -> Any:
    rows = [{"input_ids": [5, 6, 1], "label": 1}, {"input_ids": [5, 1], "label": 0}]
    even = [
        {"input_ids": [5, 6], "label_ids": [1], "text": "a"},
        {"input_ids": [7, 1], "label_ids": [0], "text": "b"},
    ]
    tensors = [{"labels": torch.tensor(n), "x": np.array([0.5])} for n in (1, 0)]
    return [
        s.m.DataCollatorWithPadding(s.tok)(rows),
        s.m.DataCollatorWithPadding(s.tok, pad_to_multiple_of=8)(rows),
        s.m.default_data_collator(even),
        s.m.default_data_collator(tensors),
        s.m.DataCollatorForSeq2Seq(s.tok, model=s.gen)([{"input_ids": [5, 1], "labels": [7, 1]}]),
    ]


def types(s: Script) -> Any:
    config = s.gen.config
    with torch.device("meta"):
        empty = getattr(s.m, KINDS["gen"])(config)
    return [
        str(one) for one in (s.gen.half().dtype, s.gen.to("meta").device, empty.device, s.gen.config.dtype)
    ]


def settings(s: Script) -> Any:
    config = s.m.AutoConfig.from_pretrained(s.folder / "cls", num_labels=4)
    model = s.m.AutoModelForSeq2SeqLM.from_pretrained(s.folder / "gen", dropout=0.3, block_size=8)
    names = ("max_position_embeddings", "model_type", "hidden_size", "num_hidden_layers", "pad_token_id")
    model.generation_config.max_new_tokens = 3
    return [
        [config.num_labels, config.id2label, config.label2id],
        [model.config.dropout, model.config.block_size, *(getattr(model.config, name) for name in names)],
        model.generate(**s.batch()),
    ]


SCRIPTS: dict[str, Callable[[Script], Any]] = {
    function.__name__: function
    for function in (
        *(squad, ner, summaries, target_context, added, positions, encodings, saved_tokenizer),
        *(batch_encodings, attributes, decoding, copies, stored_states, whole_model, hooks, tuned, classes),
        *(spans, collators, types, settings, left),
    )
}
SCRIPTS |= {
    "left windows": lambda s: left(s, return_overflowing_tokens=True, stride=2),
    "beams": lambda s: s.gen.generate(**s.batch(), num_beams=2, max_length=8, early_stopping=True),
    "labels in a batch": lambda s: s.gen.generate(**s.batch(), labels=torch.tensor([[1]]), max_new_tokens=3),
    "prompts": lambda s: s.gen.generate(
        **s.batch(), decoder_input_ids=torch.tensor([[2, 5], [2, 6]]), max_new_tokens=4
    ),
    "encoder": lambda s: s.gen.get_encoder()(**s.batch()).last_hidden_state,
    "decoder": lambda s: s.gen.get_decoder()(input_ids=torch.tensor([[2, 5, 6]])).last_hidden_state,
    "encoder outputs": lambda s: s.gen.generate(
        encoder_outputs=s.gen.get_encoder()(**s.batch()),
        attention_mask=s.batch()["attention_mask"],
        max_new_tokens=3,
    ),
    "embeddings": lambda s: (
        s.gen(
            inputs_embeds=s.gen.get_input_embeddings()(s.batch()["input_ids"]),
            decoder_input_ids=torch.tensor([[2], [2]]),
        ).logits
    ),
    "tuples": lambda s: s.gen(**s.batch(), labels=s.batch()["input_ids"], return_dict=False)[0],
    "causal loss": lambda s: s.load("lm")(**s.batch(), labels=s.batch()["input_ids"]).loss,
    "continued": lambda s: s.load("lm").generate(torch.tensor([[5, 6, 7]]), max_new_tokens=4),
    "several devices": lambda s: torch.nn.DataParallel(s.gen)(**s.batch()).logits,
    "parameters": lambda s: sorted((name, tuple(p.shape)) for name, p in s.gen.named_parameters()),
    "labels of texts": lambda s: s.m.pipeline("text-classification", model=s.load("cls"), tokenizer=s.tok)(
        SHORT
    ),
    "seed": lambda s: [s.m.set_seed(3), torch.rand(2), np.random.rand(2)],
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:torch.nn.parallel")
def test_a_script_gives_what_it_gave(name: str, folder: Path) -> None:
    theirs, ours = (SCRIPTS[name](Script(package, folder)) for package in (transformers, bigbird_pegasus))
    assert_same(ours, theirs)
