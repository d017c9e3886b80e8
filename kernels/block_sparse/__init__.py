"""Encoder attention in which each block of queries reads a bounded number of key blocks."""

from kernels.block_sparse.api import ShapeError, block_sparse_attention
from kernels.block_sparse.pattern import (
    BlockLists,
    BlockPattern,
    Group,
    group_blocks,
    select_blocks,
)
from kernels.errors import ImplementationUnavailableError

__all__ = [
    "BlockLists",
    "BlockPattern",
    "Group",
    "ImplementationUnavailableError",
    "ShapeError",
    "block_sparse_attention",
    "group_blocks",
    "select_blocks",
]
