"""One module per subcommand: the only readers of arguments, configuration and paths."""
