"""Exceptions that end a command: user errors and SIGTERM."""


class UserError(Exception):
    """An error in the input, the configuration or the environment that the user can fix.

    The message is one clear line (or one line per problem) that names the file or key and the
    remedy. The command line prints it without a traceback and exits with code 2.
    """


class Terminated(BaseException):
    """SIGTERM arrived; the same command resumes the work."""
