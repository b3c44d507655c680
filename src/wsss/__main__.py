"""Entry point of the command line, which answers Ctrl-C from the first import on."""

import atexit
import gc
import sys


def main() -> int:
    """Run `wsss <stage> ...`; return its exit code."""
    # looking for garbage at the end takes a quarter of the CPU time of PyTorch's import
    atexit.register(gc.freeze)
    try:
        from wsss import cli
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
