"""Parts of networks that stand on the taps of a backbone and that a method adds."""
