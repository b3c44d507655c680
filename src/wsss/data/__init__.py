"""From the user's folder to training samples: sources, checks, transforms, data sets, loaders."""
