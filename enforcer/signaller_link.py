"""The enforcer's end of the socket to its signaller: ask at once, collect answers when they come."""

import os
import socket
import struct
from pathlib import Path

import msgspec

from enforcer.protocol import PACKET_BYTES, Answer, Request, encode, read_answer

_SEND_TIMEOUT = struct.pack("@ll", 1, 0)
"""struct timeval: one second."""


class SignallerError(Exception):
    """The signaller is away. What was asked and not answered may or may not have been done."""


class SignallerLink:
    """Connects when something is asked, and again after the signaller was away. One thread only."""

    def __init__(self, path: Path) -> None:
        """`path` is the signaller's socket."""
        self._path = path
        self._socket: socket.socket | None = None

    @property
    def connected(self) -> bool:
        """Whether the last word from the signaller was not that it is gone."""
        return self._socket is not None

    def connect(self) -> None:
        """Connect if that is not so already.

        Raises:
            SignallerError: nobody listens.
        """
        if self._socket is not None:
            return
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # Not settimeout: with one, Python waits on MSG_DONTWAIT as well.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
            connection.connect(os.fspath(self._path))
        except OSError as error:
            connection.close()
            raise SignallerError(f"no signaller at {self._path}: {error.strerror or error}") from error
        self._socket = connection

    def reach(self) -> bool:
        """Whether a signaller is there: the one connected to, or one that listens now."""
        try:
            self.connect()
        except SignallerError:
            return False
        return True

    def ask(self, request: Request) -> None:
        """Send a request; its answer comes from `answers`.

        A signaller that was restarted is connected to again: a request that could not be sent was not
        done.

        Raises:
            SignallerError: the request did not reach a signaller.
        """
        packet = encode(request)
        for last in (False, True):
            self.connect()
            assert self._socket is not None  # noqa: S101  connect saw to it
            try:
                self._socket.send(packet)
            except OSError as error:
                self.close()
                if last or isinstance(error, BlockingIOError):
                    raise SignallerError(
                        f"the signaller at {self._path} takes no request: {error}"
                    ) from error
            else:
                return

    def answers(self) -> list[Answer]:
        """Every answer that has come; never waits.

        Raises:
            SignallerError: the signaller hung up or talks nonsense. Answers that came before are lost.
        """
        came: list[Answer] = []
        while self._socket is not None:
            try:
                packet = self._socket.recv(PACKET_BYTES, socket.MSG_DONTWAIT)
                if packet:
                    came.append(read_answer(packet))
                    continue
            except BlockingIOError:
                break
            except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                self.close()
                raise SignallerError(f"the signaller at {self._path} failed: {error}") from error
            self.close()
            if came:
                break  # that it hung up shows at the next request
            raise SignallerError(f"the signaller at {self._path} hung up")
        return came

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
