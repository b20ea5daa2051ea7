"""Training of what generator ``overfit`` has built in; the command is ``benchmarks/train_overfit.py``."""
