"""The blob store: files and large values, outside the journal and durable before the facts that name them."""

from auraos.storage.blobs.local import LocalBlobs

__all__ = ["LocalBlobs"]
