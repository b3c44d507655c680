"""Entry point of the command line, which answers Ctrl-C from the first import on."""

import os
import sys


def main() -> int:
    """Run `wsss <stage> ...`; return its exit code."""
    # OpenMP, which reads this as PyTorch is loaded: threads that spin at every barrier take the
    # core from the thread that they wait for, once another process wants a core, too
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        from wsss import cli
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
