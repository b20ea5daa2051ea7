"""The source: demuxing, decoding, filters, scene cuts, HDR metadata, and the plan of its GOPs."""
