"""The operating system's side: parent process, GPUs, ranks, SIGTERM, Snakemake's own state."""
