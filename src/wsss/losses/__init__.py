"""Loss functions on logits, affinities and labels; shape letters as in `wsss.ops`."""
