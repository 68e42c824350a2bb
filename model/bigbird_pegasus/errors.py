"""The errors this package raises on purpose.

BigBirdPegasusError
├── ConfigError      a configuration value that is unknown or impossible
├── CheckpointError  a checkpoint folder that lacks a file, holds a corrupt one, or does not fit the model
└── TokenizerError   a vocabulary that cannot be used
"""


class BigBirdPegasusError(Exception):
    """Base of every error of this package: catch it to catch them all."""


class ConfigError(BigBirdPegasusError, ValueError):
    """A configuration value is unknown or impossible; the message names the key and what is allowed."""


class CheckpointError(BigBirdPegasusError, OSError):
    """A checkpoint is missing a file, has a corrupt one, or its tensors do not fit the model."""


class TokenizerError(BigBirdPegasusError, ValueError):
    """A vocabulary file is missing, corrupt, or does not fit what was asked of it."""
