"""The base of all outputs: ordered mappings with the published field names.

An output holds the fields that are set. It answers to names (`output["logits"]`, `output.logits`) and to
positions (`output[0]`, `output[:2]`); a field that is not set is None as an attribute and absent otherwise.
`to_tuple()` is what `return_dict=False` returns. Torch's pytrees know outputs, so they can be exported,
compiled and gathered from several devices.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar, dataclass_transform

from torch import Tensor
from torch.utils import _pytree as pytree


class Configured(Protocol):
    """A configuration that says what a forward returns where its caller does not."""

    @property
    def return_dict(self) -> bool:
        """A record rather than a plain tuple."""


@dataclass_transform(eq_default=False)
class ModelOutput(OrderedDict[str, Any]):
    """What all outputs share; a subclass declares its fields, in their order."""

    names: ClassVar[Sequence[str]] = ()

    def __init_subclass__(cls) -> None:
        cls.names = tuple(name for name in cls.__annotations__ if name != "names")
        for name in cls.names:
            if name in cls.__dict__:
                delattr(cls, name)  # or a field that is not set would be found on the class
        pytree.register_pytree_node(
            cls,
            lambda output: (list(output.values()), list(output)),
            lambda values, names: cls(**dict(zip(names, values, strict=True))),
            serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
        )

    def __init__(self, *values: Any, **named: Any) -> None:
        """Take fields in their order or by name; or all of them as one mapping, or as pairs.

        Raises:
            TypeError: there is no such field.
        """
        if len(values) == 1 and not named and _is_content(values[0]):
            content, values = dict(values[0]), ()
            named = content
        if len(values) > len(self.names):
            raise TypeError(f"{type(self).__name__} has {len(self.names)} fields, not {len(values)}")
        given = dict(zip(self.names, values, strict=False)) | named
        for name in given:
            self._check(name)
        super().__init__((name, given[name]) for name in self.names if given.get(name) is not None)

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the fields that are set, in their order."""
        return tuple(self.values())

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def __setitem__(self, name: str, value: Any) -> None:
        self._check(name)
        super().__setitem__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in self.names:
            return self.get(name)
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.names:
            super().__setattr__(name, value)
        elif value is not None:
            self[name] = value
        elif name in self:
            super().__delitem__(name)

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError(f"a field of {type(self).__name__} cannot be deleted: set it to None")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise TypeError(f"{type(self).__name__} has no field {name!r}")


OutputT = TypeVar("OutputT", bound=ModelOutput)


def to_return_type(
    output: OutputT, config: Configured, return_dict: bool | None
) -> OutputT | tuple[Any, ...]:
    """Return a forward's record, or the plain tuple of its set fields where the caller wants that."""
    wanted = config.return_dict if return_dict is None else return_dict
    return output if wanted else output.to_tuple()


def _is_content(value: Any) -> bool:
    """Return whether a value is a mapping of fields, or pairs of them, and no field itself."""
    return isinstance(value, Mapping) or (
        isinstance(value, Iterable) and not isinstance(value, Tensor | tuple)
    )
