"""Training of what generator ``overfit`` has built in; in ``benchmarks/`` run ``python -m training.train_overfit``."""
