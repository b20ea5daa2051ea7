"""Joint refinement (HybridPrompt section 3.2, step III): objective, codec map, loss."""
