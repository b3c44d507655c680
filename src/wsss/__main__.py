"""Entry point of the command line, which answers Ctrl-C from the first import on."""

import sys


def main() -> int:
    """Run `wsss <stage> ...`; return its exit code."""
    try:
        from wsss import cli
        from wsss.system import garbage
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    garbage.leave_at_exit()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
