"""Training samples of the three trainings, one module each."""
