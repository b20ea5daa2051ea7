"""What becomes of encodes whose processes are killed, whose disk is full, or one GOP of which always fails."""
