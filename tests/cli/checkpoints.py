"""Small checkpoints made in seconds, so that the command is tested on models whose output is known."""

from collections.abc import Iterable
from pathlib import Path

import sentencepiece
import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration, PegasusTokenizer
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode
from torch.nn.utils.rnn import pad_sequence

WRITER_WINDOW = 192  # tokens


def train_vocabulary(folder: Path, texts: Iterable[str], size: int, window: int) -> PegasusTokenizer:
    """A SentencePiece vocabulary of the given texts, saved with the tokenizer's settings."""
    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(folder / "spiece"),
        vocab_size=size,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="</s>",
        bos_piece="<s>",
        unk_piece="<unk>",
        user_defined_symbols=["<n>"],
        num_threads=1,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    tokenizer = PegasusTokenizer(folder / "spiece.model", offset=0, model_max_length=window)
    tokenizer.save_pretrained(folder)
    return tokenizer


def small_config(tokenizer: PegasusTokenizer, architecture: str, width: int = 32) -> BigBirdPegasusConfig:
    """One layer of everything, blocks of 16 tokens."""
    return BigBirdPegasusConfig(
        vocab_size=len(tokenizer),
        d_model=width,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        max_position_embeddings=tokenizer.model_max_length,
        block_size=16,
        num_random_blocks=1,
        dropout=0.0,
        architectures=[architecture],
    )


def make_extractive(folder: Path, texts: Iterable[str], window: int = 128) -> Path:
    """A model that scores sentences at random (always the same way)."""
    tokenizer = train_vocabulary(folder, texts, 300, window)
    torch.manual_seed(0)
    config = small_config(tokenizer, "BigBirdPegasusForSentenceExtraction")
    BigBirdPegasusForSentenceExtraction(config).save_pretrained(folder)
    return folder


def make_writer(folder: Path, pairs: dict[str, str], steps: int = 200) -> Path:
    """A model that has learned a few (document, summary) pairs by heart."""
    tokenizer = train_vocabulary(folder, [*pairs, *pairs.values()], 400, WRITER_WINDOW)
    torch.manual_seed(0)
    config = small_config(tokenizer, "BigBirdPegasusForConditionalGeneration", width=64)
    model = BigBirdPegasusForConditionalGeneration(config)
    ids = pad_sequence([torch.tensor(_as_bbp_reads(text, tokenizer)) for text in pairs], batch_first=True)
    batch = {"input_ids": ids, "attention_mask": (ids != tokenizer.pad_token_id).long()}
    labels = tokenizer(list(pairs.values()), padding=True, return_tensors="pt").input_ids
    labels = labels.masked_fill(labels == tokenizer.pad_token_id, -100)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(**batch, labels=labels).loss
        assert loss is not None
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.01:
            break
    model.eval().save_pretrained(folder)
    return folder


def _as_bbp_reads(text: str, tokenizer: PegasusTokenizer) -> list[int]:
    """The ids that `bbp` makes of a document of one window."""
    ids = list(encode(parse_text(text), tokenizer, WRITER_WINDOW).ids)
    return [*ids[1:], tokenizer.eos_token_id]  # the line break before the first paragraph is left out
