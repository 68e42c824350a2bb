"""Streamers: a text is handed on while it is written, word by word.

Names, arguments and behaviour are the published ones: `put` gets the prompt first and then each new token,
`end` is called once at the end; only one text at a time.
"""

from queue import Queue
from typing import Any

from torch import Tensor

from bigbird_pegasus.errors import ConfigError

CJK = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2FA1F), (0xF900, 0xFAFF))


class TextStreamer:
    """Prints a text while it is written: as soon as a word, a line or a Chinese character is complete."""

    def __init__(self, tokenizer: Any, skip_prompt: bool = False, **decode_kwargs: Any) -> None:
        """Take the tokenizer that decodes, with options of its `decode`; `skip_prompt` leaves the prompt
        out."""
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.decode_kwargs = decode_kwargs
        self.token_cache: list[int] = []
        self.print_len = 0  # characters of the cache's text that have been handed on
        self.next_tokens_are_prompt = True

    def put(self, value: Tensor) -> None:
        """Take the next tokens, (T,) or (1, T).

        Raises:
            ConfigError: there is more than one text.
        """
        if value.ndim > 1 and len(value) > 1:
            raise ConfigError("a streamer takes one text at a time: generate with a batch of 1")
        is_prompt, self.next_tokens_are_prompt = self.next_tokens_are_prompt, False
        if is_prompt and self.skip_prompt:
            return
        self.token_cache.extend(value.flatten().tolist())
        text = self.tokenizer.decode(self.token_cache, **self.decode_kwargs)
        if text.endswith("\n"):
            printable = text[self.print_len :]
            self.token_cache, self.print_len = [], 0
        else:
            printable = text[self.print_len : _stable_length(text)]
            self.print_len += len(printable)
        self.on_finalized_text(printable)

    def end(self) -> None:
        """Hand on what is left, and be ready for another text."""
        text = self.tokenizer.decode(self.token_cache, **self.decode_kwargs) if self.token_cache else ""
        printable = text[self.print_len :]
        self.token_cache, self.print_len, self.next_tokens_are_prompt = [], 0, True
        self.on_finalized_text(printable, stream_end=True)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Print text that will not change any more; overwrite it to do something else."""
        print(text, flush=True, end="\n" if stream_end else "")


class TextIteratorStreamer(TextStreamer):
    """An iterator over the pieces of a text, for a thread that waits for another one's `generate`."""

    def __init__(
        self, tokenizer: Any, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        """See `TextStreamer`; `timeout` is how many seconds to wait for the next piece (`queue.Empty`
        then)."""
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: Queue[str | None] = Queue()
        self.timeout = timeout

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Put a piece into the queue."""
        self.text_queue.put(text, timeout=self.timeout)
        if stream_end:
            self.text_queue.put(None, timeout=self.timeout)

    def __iter__(self) -> "TextIteratorStreamer":
        return self

    def __next__(self) -> str:
        piece = self.text_queue.get(timeout=self.timeout)
        if piece is None:
            raise StopIteration
        return piece


def _stable_length(text: str) -> int:
    """Return how many of a text's characters no further token can change: up to its last word."""
    if text and any(first <= ord(text[-1]) <= last for first, last in CJK):
        return len(text)
    return text.rfind(" ") + 1
