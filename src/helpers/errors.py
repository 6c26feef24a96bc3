"""The project's own errors: each message says what is wrong, where, and what to do."""


class HelpersError(Exception):
    """Base of every error that a user of the project can cause or mend."""


class DataError(HelpersError):
    """A data set, reference or archive is missing, corrupt, or not what it should be."""


class UnreachableError(DataError):
    """The origin of a registered file does not answer from this machine."""


class ModelError(HelpersError):
    """A checkpoint, dictionary or tokenisation is unsafe, incomplete or does not fit."""


class ParameterError(HelpersError):
    """A parameter has an unknown name, a wrong type, or a value out of range."""


class RegistryError(HelpersError):
    """A test record or claim breaks the rules of the registry."""


class RunError(HelpersError):
    """A notebook run could not be started or did not finish."""


class ExerciseError(HelpersError):
    """An exercise cannot tell right from wrong, or its own solution is not accepted."""
