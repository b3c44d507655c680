"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """A mistake in the input, the configuration or the environment.

    The message is one clear line (or one line per problem) that names the file or key and the
    remedy. The command line prints it without a traceback and exits with code 2.
    """
