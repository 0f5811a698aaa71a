"""Training: data, multi-scale batches, and the run that leaves a workdir."""
