"""The five dashboards, in the order in which people come to need them."""

from dashboards.kibana.boards import denials, health, investigate, posture, replay
from dashboards.kibana.panels import Board

ALL: tuple[Board, ...] = (posture.BOARD, denials.BOARD, investigate.BOARD, replay.BOARD, health.BOARD)
"""Every dashboard."""
