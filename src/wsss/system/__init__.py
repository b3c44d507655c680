"""Processes of the operating system: parent process, GPUs, ranks, SIGTERM."""
