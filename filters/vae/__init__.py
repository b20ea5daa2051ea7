"""Generator ``vae``: the latent of an autoencoder, quantised and refined."""
