"""Generator ``enhance``: a trained network that gives a decoded picture back what coding took from it."""
