"""Scene cuts: a score of every frame."""

from __future__ import annotations

import av
from av.filter import Graph

SCENE_METER_WIDTH = 320


class SceneMeter:
    """Scores scene changes with FFmpeg's ``scdet`` filter on reduced luma pictures; frames are like the first one."""

    def __init__(self, first: av.VideoFrame) -> None:
        graph = Graph()
        source = graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=first.time_base
        )
        width = min(SCENE_METER_WIDTH, first.width)
        scale = graph.add("scale", f"{width}:-2")
        detector = graph.add("scdet")
        sink = graph.add("buffersink")
        graph.link_nodes(source, scale, detector, sink).configure()
        self._graph = graph

    def score(self, frame: av.VideoFrame) -> float:
        """Change from the previous frame to this one, 0 to 100."""
        self._graph.vpush(frame)
        return float(self._graph.vpull().metadata.get("lavfi.scd.score", 0.0))
