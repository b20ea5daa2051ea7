"""Generator ``vqgan``: the tokens of a vector-quantised autoencoder."""
