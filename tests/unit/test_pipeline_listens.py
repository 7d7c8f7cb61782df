"""A signaller is ready while it listens; the file of one that was killed says nothing."""

from __future__ import annotations

import socket
from pathlib import Path

from lictor.pipeline.services import _listens


def test_a_socket_counts_once_somebody_listens_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "with a blank.sock"
    assert not _listens(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        assert not _listens(path)
        listener.listen()
        assert _listens(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(str(path))
            assert _listens(path)
    assert path.is_socket()
    assert not _listens(path)
