"""The training loop: order, rate, resume to the bit, and models that learn."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForQuestionAnswering, BigBirdPegasusForSequenceClassification
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.training import (
    Callbacks,
    TrainingError,
    TrainingOptions,
    TrainingState,
    Update,
    count_updates,
    epoch_batches,
    learning_rate_factor,
    make_optimizer,
    train,
)
from torch import Tensor

from tests.model.tiny import tiny_config, tiny_ids

END = 1
OPTIONS = TrainingOptions(epochs=2, batch_size=3, accumulate=2, learning_rate=1e-3, seed=7)


@dataclass(frozen=True)
class Labelled:
    """Documents of random tokens; class 1 holds the token 5 somewhere."""

    ids: Tensor
    labels: Tensor

    @property
    def lengths(self) -> Sequence[int]:
        return [len(self.ids[0])] * len(self.ids)

    def batch(self, numbers: Sequence[int], epoch: int) -> Mapping[str, Tensor]:
        return {"input_ids": self.ids[list(numbers)], "labels": self.labels[list(numbers)]}


def labelled(count: int = 20, length: int = 12) -> Labelled:
    ids = tiny_ids(count, length).clamp(min=6)
    labels = torch.arange(count) % 2
    ids[labels == 1, 3] = 5
    ids[:, -1] = END
    return Labelled(ids, labels)


def classifier(seed: int = 0, **changes: object) -> BigBirdPegasusForSequenceClassification:
    torch.manual_seed(seed)
    return BigBirdPegasusForSequenceClassification(tiny_config(dropout=0.1, init_std=0.1, **changes))


def same_weights(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_an_epoch_shows_every_example_once_and_the_next_in_another_order() -> None:
    lengths = [n % 17 for n in range(101)]
    first, second = (epoch_batches(lengths, 4, seed=1, epoch=epoch) for epoch in (0, 1))
    for batches in (first, second):
        assert sorted(n for batch in batches for n in batch) == list(range(101))
        assert all(len(batch) <= 4 for batch in batches)
    assert first != second
    assert first == epoch_batches(lengths, 4, seed=1, epoch=0)
    assert first != epoch_batches(lengths, 4, seed=2, epoch=0)


def test_examples_of_like_length_share_a_batch() -> None:
    lengths = [(n * 37) % 200 for n in range(200)]
    batches = epoch_batches(lengths, 4, seed=0, epoch=0)
    assert max(max(lengths[n] for n in b) - min(lengths[n] for n in b) for b in batches) <= 4


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    factors = [learning_rate_factor(n, 100, 0.1) for n in range(100)]
    assert factors[:10] == sorted(factors[:10])
    assert factors[10] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert 0 < factors[0] < 0.1
    assert 0 < factors[-1] < 0.02
    assert learning_rate_factor(0, 10, 0.0) == 1.0
    assert all(0 < learning_rate_factor(n, 5, 1.0) < 1 for n in range(5))


def test_updates_are_counted_with_accumulation_and_a_rest() -> None:
    assert count_updates(20, OPTIONS) == (4, 8)  # 7 batches: 2 + 2 + 2 + 1
    with pytest.raises(ConfigError, match="no examples"):
        count_updates(0, OPTIONS)


@pytest.mark.parametrize("encoder_decoder", [True, False])
def test_a_classifier_learns(encoder_decoder: bool) -> None:
    model, data = classifier(is_encoder_decoder=encoder_decoder), labelled()
    options = TrainingOptions(epochs=30, batch_size=5, learning_rate=3e-3)
    losses: list[float] = []
    train(model, data, options, Callbacks(epoch=lambda _epoch, loss: losses.append(loss)))
    assert not model.training
    assert losses[-1] < 0.1 < losses[0]
    assert torch.equal(model(input_ids=data.ids).logits.argmax(-1), data.labels)


def test_a_model_without_a_decoder_finds_spans_in_the_encoders_states() -> None:
    torch.manual_seed(0)
    model = BigBirdPegasusForQuestionAnswering(tiny_config(is_encoder_decoder=False)).eval()
    ids = tiny_ids(2, 9)
    encoded = model.model.encoder(ids).last_hidden_state
    found = model(input_ids=ids, start_positions=torch.tensor([1, 2]), end_positions=torch.tensor([3, 3]))
    torch.testing.assert_close(found.start_logits, model.qa_outputs(encoded)[..., 0])
    assert found.loss is not None
    assert not any("decoder." in name for name, _ in model.named_parameters())


def test_one_seed_gives_the_same_weights_and_another_one_others() -> None:
    trained = []
    for seed in (7, 7, 8):
        model = classifier()
        train(model, labelled(), dataclasses.replace(OPTIONS, seed=seed))
        trained.append(model)
    assert same_weights(trained[0], trained[1])
    assert not same_weights(trained[0], trained[2])


def test_a_seed_of_any_size_is_accepted() -> None:
    trained = []
    for seed in (2**63 - 1, 2**80, 2**80):
        model = classifier()
        train(model, labelled(4), dataclasses.replace(OPTIONS, seed=seed, accumulate=9))
        trained.append(model)
    assert not same_weights(trained[0], trained[1])
    assert same_weights(trained[1], trained[2])


@pytest.mark.parametrize("stop_after", range(1, 8))
def test_a_stopped_run_resumes_to_the_same_weights(stop_after: int) -> None:
    whole, stopped, resumed = classifier(), classifier(), classifier(seed=99)
    heard: list[tuple[int, float]] = []
    train(whole, labelled(), OPTIONS, Callbacks(epoch=lambda *told: heard.append(told)))

    class StoppedError(Exception):
        pass

    kept: list[TrainingState] = []
    told_before: list[tuple[int, float]] = []

    def keep(snapshot: object) -> None:
        assert callable(snapshot)
        kept.append(copy.deepcopy(snapshot()))
        if len(kept) == stop_after:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(
            stopped,
            labelled(),
            OPTIONS,
            Callbacks(saveable=keep, epoch=lambda *told: told_before.append(told)),
        )
    updates: list[Update] = []
    told_after: list[tuple[int, float]] = []
    callbacks = Callbacks(update=updates.append, epoch=lambda *told: told_after.append(told))
    train(resumed, labelled(), OPTIONS, callbacks, state=kept[-1])
    assert [update.number for update in updates] == list(range(stop_after + 1, 9))
    assert told_before + told_after == heard
    assert same_weights(whole, resumed)


def test_a_run_that_had_ended_does_nothing_more() -> None:
    model = classifier()
    kept: list[TrainingState] = []
    train(model, labelled(), OPTIONS, Callbacks(saveable=lambda snapshot: kept.append(snapshot())))
    again = classifier(seed=1)
    train(again, labelled(), OPTIONS, state=kept[-1])
    assert same_weights(model, again)


def test_accumulated_batches_make_the_update_of_one_large_batch() -> None:
    large, small = classifier(), classifier()
    for model in (large, small):
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    data = labelled(8)
    common = TrainingOptions(epochs=1, learning_rate=1e-3, warm_up=0.0)
    train(large, data, dataclasses.replace(common, batch_size=8))
    train(small, data, dataclasses.replace(common, batch_size=2, accumulate=4))
    for one, other in zip(large.parameters(), small.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_gradient_is_clipped() -> None:
    model = classifier()
    norms: list[Tensor] = []
    options = TrainingOptions(epochs=1, batch_size=20, clip=1e-3)

    def record_norm(_: object) -> None:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norms.append(torch.linalg.vector_norm(torch.cat([gradient.flatten() for gradient in gradients])))

    train(
        model,
        labelled(),
        options,
        Callbacks(update=record_norm),
    )
    torch.testing.assert_close(norms[0], torch.tensor(1e-3))


def test_forwards_run_in_the_type_that_was_asked_for_and_weights_stay_float32() -> None:
    model, seen = classifier(), []
    model.classification_head.dense.register_forward_hook(lambda *call: seen.append(call[2].dtype))
    train(model, labelled(), TrainingOptions(epochs=1, batch_size=20, autocast=torch.bfloat16))
    assert seen == [torch.bfloat16]
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_vectors_and_embeddings_do_not_decay() -> None:
    optimizer = make_optimizer(classifier(), TrainingOptions(weight_decay=0.5))
    decays = {
        tuple(p.shape): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]
    }
    assert decays[(101, 32)] == 0.0  # tokens
    assert decays[(256, 32)] == 0.0  # positions
    assert decays[(32,)] == 0.0
    assert decays[(48, 32)] == 0.5


def test_what_is_frozen_stays() -> None:
    model = classifier()
    model.model.encoder.requires_grad_(False)
    before = copy.deepcopy(model.model.encoder)
    train(model, labelled(), OPTIONS)
    assert same_weights(before, model.model.encoder)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    model = classifier()
    with torch.no_grad():
        model.classification_head.out_proj.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="the loss is nan at update 1"):
        train(model, labelled(), OPTIONS)


def test_a_state_of_another_model_or_run_is_refused() -> None:
    model, kept = classifier(), []
    train(model, labelled(), OPTIONS, Callbacks(saveable=lambda snapshot: kept.append(snapshot())))
    with pytest.raises(TrainingError, match="not one of this model"):
        train(classifier(d_model=16), labelled(), OPTIONS, state=kept[0])
    with pytest.raises(TrainingError, match="update 8, and this run has only 4"):
        train(classifier(), labelled(), dataclasses.replace(OPTIONS, epochs=1), state=kept[-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("epochs", 0), ("batch_size", 0), ("accumulate", 1.5), ("learning_rate", 0.0)),
        *(
            ("learning_rate", float("inf")),
            ("learning_rate", 1e300),
            ("clip", -1.0),
            ("warm_up", 1.1),
            ("weight_decay", -0.1),
        ),
    ],
)
def test_impossible_options_are_named(name: str, value: float) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ConfigError, match=name):
        TrainingOptions(**options)


def test_a_model_that_writes_needs_its_decoder() -> None:
    from bigbird_pegasus import BigBirdPegasusForConditionalGeneration

    with pytest.raises(ConfigError, match="is_encoder_decoder is false"):
        BigBirdPegasusForConditionalGeneration(tiny_config(is_encoder_decoder=False))
