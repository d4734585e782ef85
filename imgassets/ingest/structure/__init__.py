"""What picture files declare about themselves, read by walking their blocks.

One module per format. Nothing is decoded, no library is trusted with the bytes, and the work is
bounded: at most :data:`imgassets.ingest.structure.common.MAX_BLOCKS` blocks are visited, whatever
lengths and offsets a file claims.
"""

from imgassets.ingest.structure.common import CutShort, Header, TooIntricate, sniff
from imgassets.ingest.structure.readers import FORMATS, read_header

__all__ = ["FORMATS", "CutShort", "Header", "TooIntricate", "read_header", "sniff"]
