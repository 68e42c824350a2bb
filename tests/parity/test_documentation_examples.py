"""The code of the model's published documentation runs here: only the name of the package changes.

Each example is cut out of the documentation itself, and `from transformers import` in it is replaced by
`from bigbird_pegasus import`. The published name means a small checkpoint here, with random
weights and the published vocabulary, which lies in the Hub's cache as if it had been downloaded: what the
examples print is not what the documentation shows, and what is asserted is that results have the documented
form and are those of transformers where it still runs the same code.

The example that loads weights in 4 bits is run without bitsandbytes: nf4 is computed here.
"""

import ast
import inspect
import json
import math
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bigbird_pegasus
import pytest
import torch
import transformers
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    NewHeadWarning,
    PegasusTokenizer,
)
from huggingface_hub import constants

from tests.cli.process import clean_environment, run
from tests.parity.reference import reference_model  # noqa: F401 - quiets transformers

CHECKPOINT = "google/bigbird-pegasus-large-arxiv"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

Names = dict[str, Any]
Example = Callable[[str], str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of HF_HOME."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def checkpoint(home: Path, pegasus_vocabulary: Path) -> Iterator[Path]:
    """A small model that writes, with the vocabulary and the window of the published ones, and their name."""
    repository = home / "hub" / f"models--{CHECKPOINT.replace('/', '--')}"
    folder = repository / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(COMMIT)
    PegasusTokenizer(pegasus_vocabulary, offset=0, model_max_length=4096).save_pretrained(folder)
    torch.manual_seed(0)
    config = BigBirdPegasusConfig(
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        init_std=0.3,
        num_beams=5,
        length_penalty=0.8,
        max_length=20,
    )
    BigBirdPegasusForConditionalGeneration(config).save_pretrained(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        yield folder


@pytest.fixture
def example(shared: Path, checkpoint: Path) -> Example:
    """Finds the one code block with a phrase, and replaces the package's name."""
    documentation = (shared / "reference" / "bigbird_pegasus_documentation.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", documentation, re.DOTALL)

    def find(phrase: str) -> str:
        in_four_bits = "BitsAndBytes" in phrase
        (block,) = [b for b in blocks if phrase in b and ("BitsAndBytes" in b) == in_four_bits]
        if block.startswith(">>>"):
            lines = [line[4:] for line in block.splitlines() if line.startswith((">>>", "..."))]
            block = "\n".join(lines)
        ours: str = block.replace("from transformers import", "from bigbird_pegasus import")
        return ours

    return find


def execute(code: str) -> tuple[Names, Any]:
    """Run the code; the names it made, and the value of its last line where that is an expression."""
    tree = ast.parse(code)
    names: Names = {}
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body.pop()
        exec(compile(tree, "example", "exec"), names)
        return names, eval(compile(ast.Expression(last.value), "example", "eval"), names)
    exec(compile(tree, "example", "exec"), names)
    return names, None


def test_documentation_examples_differ_from_the_published_ones_in_imports_alone(example: Example) -> None:
    assert example("AutoModelForSeq2SeqLM").startswith(
        "import torch\n"
        "from bigbird_pegasus import AutoTokenizer, AutoModelForSeq2SeqLM\n"
        "\n"
        "tokenizer = AutoTokenizer.from_pretrained(\n"
        f'    "{CHECKPOINT}"\n'
        ")\n"
    )


@pytest.mark.filterwarnings("ignore:there is no GPU here")
def test_summarization_by_pipeline(example: Example, checkpoint: Path) -> None:
    names, result = execute(example('task="summarization"'))
    (record,) = result
    assert set(record) == {"summary_text"}
    assert names["pipeline"].model.dtype == torch.float32
    text = ast.literal_eval(example('task="summarization"').partition("\npipeline(")[2].strip()[:-1])
    tokenizer = PegasusTokenizer.from_pretrained(checkpoint)
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(checkpoint)
    ids = model.generate(**tokenizer(text, return_tensors="pt"))
    assert isinstance(ids, torch.Tensor)
    assert record["summary_text"] == tokenizer.decode(ids[0], skip_special_tokens=True)


def test_summarization_by_model_and_tokenizer_in_bfloat16(
    example: Example, capsys: pytest.CaptureFixture[str]
) -> None:
    names, _ = execute(example("AutoModelForSeq2SeqLM"))
    assert names["model"].dtype == torch.bfloat16
    assert names["output"].shape == (1, 20)
    printed = names["tokenizer"].decode(names["output"][0], skip_special_tokens=True)
    assert capsys.readouterr().out == printed + "\n"


def test_summarization_with_weights_in_four_bits(
    example: Example, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, _ = execute(example("BitsAndBytesConfig"))
    model = names["model"]
    assert (model.quantization, model.dtype) == ("nf4", torch.bfloat16)
    assert names["output"].shape == (1, 20)
    printed = names["tokenizer"].decode(names["output"][0], skip_special_tokens=True)
    assert capsys.readouterr().out == printed + "\n"
    floats = BigBirdPegasusForConditionalGeneration.from_pretrained(checkpoint)
    ids = names["input_ids"]["input_ids"]
    exact = floats(ids, decoder_input_ids=ids[:, :4]).logits
    found = model(ids, decoder_input_ids=ids[:, :4]).logits
    assert 0 < (found.float() - exact).norm() < 0.5 * exact.norm()


def test_summarization_from_the_shell(example: Example, home: Path, tmp_path: Path) -> None:
    """`transformers run --task summarization` is `bbp summarize`, `--device 0` the processor at hand."""
    echo, _, command = example("transformers run").strip().partition(" | ")
    document = shlex.split(echo)[-1]
    program, *arguments = shlex.split(command)
    assert [program, *arguments] == [
        *("transformers", "run", "--task", "summarization", "--model", CHECKPOINT, "--device", "0")
    ]
    ours = ("summarize", "--model", CHECKPOINT, "--offline", "--device", "cpu")
    done = run(ours, document.encode(), tmp_path, clean_environment(home))
    assert done.code == 0, done.stderr  # random weights write names that are not in the document
    assert done.stdout.strip()


def test_a_model_from_a_configuration(example: Example) -> None:
    with torch.device("meta"):  # the same code without 2.3 GB of random weights
        names, _ = execute(example("configuration = BigBirdPegasusConfig()"))
    assert names["configuration"] == BigBirdPegasusConfig()
    assert sum(p.numel() for p in names["model"].parameters()) == pytest.approx(577e6, rel=0.01)


def test_conditional_generation(example: Example, checkpoint: Path) -> None:
    names, result = execute(example("ARTICLE_TO_SUMMARIZE"))
    assert isinstance(result, str)
    theirs: Any = transformers.BigBirdPegasusForConditionalGeneration.from_pretrained(checkpoint)
    assert names["inputs"].input_ids.shape[1] <= theirs.config.max_position_embeddings
    expected = theirs.generate(names["inputs"]["input_ids"], num_beams=4, max_length=15)
    assert names["summary_ids"].tolist() == expected.tolist()


def test_classification_with_a_single_label(example: Example) -> None:
    with pytest.warns(NewHeadWarning, match="classification_head"):
        names, result = execute(example("predicted_class_id = "))
    assert names["predicted_class_id"] in (0, 1)
    assert names["logits"].shape == (1, 2)
    logits = names["model"](**names["inputs"]).logits
    expected = torch.nn.functional.cross_entropy(logits, names["labels"])
    assert result == round(expected.item(), 2)
    names["loss"].backward()


def test_classification_with_several_labels(example: Example) -> None:
    with pytest.warns(NewHeadWarning, match="classification_head"):
        names, _ = execute(example("predicted_class_ids = "))
    logits = names["model"](**names["inputs"]).logits
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, names["labels"])
    torch.testing.assert_close(names["loss"], expected)
    assert names["labels"].shape == (1, 2)
    names["loss"].backward()


def test_question_answering(example: Example, tmp_path: Path) -> None:
    """The documented targets, 14 and 15, are behind the 12 tokens of this vocabulary: there is no loss."""
    code = example("Who was Jim Henson?")
    with pytest.warns(NewHeadWarning, match="qa_outputs"):
        names, loss = execute(code)
    names["model"].save_pretrained(tmp_path)
    theirs = transformers.BigBirdPegasusForQuestionAnswering.from_pretrained(tmp_path)
    targets = {"start_positions": torch.tensor([14]), "end_positions": torch.tensor([15])}
    expected = theirs(**names["inputs"], **targets)
    torch.testing.assert_close(names["outputs"].start_logits, expected.start_logits)
    torch.testing.assert_close(names["outputs"].end_logits, expected.end_logits)
    assert math.isnan(expected.loss.item())
    assert math.isnan(loss)

    with pytest.warns(NewHeadWarning, match="qa_outputs"):
        names, loss = execute(code.replace("[14]", "[9]").replace("[15]", "[10]"))
    assert names["tokenizer"].decode(names["inputs"].input_ids[0, 9:11]) == "nice puppet"
    assert math.isfinite(loss)
    names["loss"].backward()


def test_causal_language_modelling(example: Example, tmp_path: Path) -> None:
    """In transformers 5.23 this example ends in a TypeError: it no longer knows `add_cross_attention`."""
    names, _ = execute(example("add_cross_attention=False"))
    assert names["model"].config.is_decoder
    names["model"].save_pretrained(tmp_path)
    theirs = transformers.BigBirdPegasusForCausalLM.from_pretrained(tmp_path)
    expected = theirs.eval()(**names["inputs"]).logits
    torch.testing.assert_close(names["logits"], expected)


def test_every_class_has_the_documented_arguments_in_their_order(shared: Path) -> None:
    documentation = (shared / "reference" / "bigbird_pegasus_documentation.md").read_text(encoding="utf-8")
    pattern = r"^forwardtransformers\.(\w+)\.forward\S+?(\[\{.*?\}\])- "
    signatures = re.findall(pattern, documentation, re.MULTILINE)
    assert len(signatures) == 5
    for kind, listed in signatures:
        documented = [argument["name"] for argument in json.loads(listed)]
        forward = getattr(bigbird_pegasus, kind).forward
        assert [*inspect.signature(forward).parameters] == ["self", *documented[:-1]]
        assert documented[-1] == "**kwargs"
