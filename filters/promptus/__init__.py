"""Generators ``promptus`` and ``promptus-video`` (Wu et al., 2026): fitted prompts of a text-to-image model."""
