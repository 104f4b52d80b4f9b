"""What the operator has to put right."""


class StartError(Exception):
    """One line that says what is wrong and what to do; bin/run prints it and exits with 1, without a traceback."""
