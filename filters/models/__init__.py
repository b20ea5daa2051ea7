"""Generators on a model that users bring: its checkpoint is found, checked and named by digest in every latent."""
