"""Takes compression off an answer while it arrives, within bounds: a small answer cannot become a huge one."""

import zlib
from collections.abc import AsyncIterator, Iterator

from auraos.sdk import StepFailed

HIGHEST_RATIO = 200
FREE_OF_RATIO = 1_000_000
_PIECE = 65_536


class Decoder:
    """Decodes the pieces of a body, whatever their size, in pieces of at most 64 KB."""

    def __init__(self, encoding: str) -> None:
        self._names = [
            name for name in encoding.lower().replace(" ", "").split(",") if name not in ("", "identity")
        ]
        unknown = [name for name in self._names if name not in ("gzip", "x-gzip", "deflate")]
        if unknown or len(self._names) > 1:
            raise StepFailed(
                f"The answer is encoded as {encoding[:60]!r}, which was not asked for and is not understood.",
                error_class="data",
                code="unknown-encoding",
            )
        self._inflate: zlib._Decompress | None = None
        self._read = 0
        self._written = 0
        self._ended = False

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece holds; fail as class `data` when it is broken or blows up."""
        if not self._names:
            yield piece
            return
        self._read += len(piece)
        waiting = piece
        while waiting:
            if self._inflate is None:
                if self._ended and not waiting.startswith(b"\x1f"):
                    return
                self._inflate = self._begin(waiting)
            try:
                out = self._inflate.decompress(waiting, _PIECE)
            except zlib.error as error:
                raise StepFailed(
                    f"The compressed answer is broken: {error}.", error_class="data", code="broken-encoding"
                ) from error
            self._written += len(out)
            self._refuse_bomb()
            if out:
                yield out
            waiting = self._inflate.unconsumed_tail
            if self._inflate.eof:
                waiting = self._inflate.unused_data
                self._inflate, self._ended = None, True
                if self._names == ["deflate"] or not waiting.startswith(b"\x1f"):
                    return  # what some servers put behind the end

    @property
    def is_whole(self) -> bool:
        """Return whether what was decoded so far may be the end."""
        return not self._names or self._inflate is None

    def _begin(self, start: bytes) -> "zlib._Decompress":
        if self._names != ["deflate"]:
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        wrapped = start[0] & 0x0F == 8 and (len(start) < 2 or (start[0] * 256 + start[1]) % 31 == 0)
        return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)

    def _refuse_bomb(self) -> None:
        if self._written > FREE_OF_RATIO and self._written > HIGHEST_RATIO * self._read:
            raise StepFailed(
                f"The answer unpacks to more than {HIGHEST_RATIO} times its size and was refused.",
                error_class="data",
                code="decompression-bomb",
            )


async def bounded(pieces: AsyncIterator[bytes], decoder: Decoder, limit: int) -> AsyncIterator[bytes]:
    """Yield the decoded pieces; fail as class `data` when they are more than `limit` bytes in all."""
    size = 0
    async for piece in pieces:
        for part in decoder.decode(piece):
            size += len(part)
            if size > limit:
                raise StepFailed(
                    f"The answer has more than {limit:,} bytes.",
                    error_class="data",
                    code="answer-too-large",
                    hint="Ask for less, raise the limit, or take the answer as a file.",
                )
            yield part
    if not decoder.is_whole:
        raise StepFailed("The compressed answer ends too early.", error_class="data", code="broken-encoding")
