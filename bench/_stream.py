"""The stream of events that an open paper's page holds (``GET /api/events``), read as little as possible."""

from __future__ import annotations

import asyncio
import ssl

import msgspec

from bench._hall import request

#: a beat comes every quarter of a minute; a page gives a stream up that is silent for longer than two
SILENT_S = 40.0


class Stream:
    """One stream on a connection of its own."""

    def __init__(self, port: int, cookie: str, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.port, self.cookie, self.tls, self.host = port, cookie, tls, host
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> dict[str, object]:
        """Ask for the stream; how the attempt stands.

        :raises OSError: refused, or it broke.
        """
        try:
            self._streams = await asyncio.wait_for(
                asyncio.open_connection(self.host, self.port, ssl=self.tls), SILENT_S
            )
            reader, writer = self._streams
            writer.write(request("GET", "/api/events", cookie=self.cookie))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENT_S)
            if head[9:12] != b"200":
                raise ConnectionError(f"stream refused: {head[:40]!r}")
            first = await self.next()
            assert first is not None
            return first
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise ConnectionError(str(error)) from error

    async def next(self) -> dict[str, object] | None:
        """The next message; None is a beat.

        :raises OSError: it broke, or was silent for too long.
        """
        assert self._streams is not None
        try:
            event = await asyncio.wait_for(self._streams[0].readuntil(b"\n\n"), SILENT_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise ConnectionError(str(error)) from error
        data = event.partition(b"data: ")[2]
        return None if data == b"1\n\n" else msgspec.json.decode(data, type=dict[str, object])

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
