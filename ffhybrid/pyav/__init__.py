"""Drop-ins for loops of PyAV: a container that decodes, a filter of packets, an encoder of frames."""
