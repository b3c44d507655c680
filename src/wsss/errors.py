"""What ends a command early: a mistake that the user can mend, and a request to stop."""


class UserError(Exception):
    """A mistake in the input, the configuration or the environment.

    The message is one clear line (or one line per problem) that names the file or key and the
    remedy. The command line prints it without a traceback and exits with code 2.
    """


class Terminated(BaseException):
    """The process was asked to end (SIGTERM); the same command continues its work."""
