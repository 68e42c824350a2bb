"""How weights can be quantized, by name; torch is not needed to tell."""

from typing import Literal

Scheme = Literal["int8", "int4", "nf4"]
