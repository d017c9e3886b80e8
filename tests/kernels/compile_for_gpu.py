"""Compiles the Triton kernels for a GPU that need not be there, and prints what they take.

    python tests/kernels/compile_for_gpu.py 89 90

One JSON object a line: compute capability, kernel, shape, bytes of shared memory, and the most that
a program may use on such a card (CUDA C++ Programming Guide, table of compute capabilities).
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# Compiled, not interpreted, whatever the tests around it do.
os.environ.pop("TRITON_INTERPRET", None)

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from kernels.block_sparse import triton_impl, triton_prepare, triton_select
from kernels.cross import triton_impl as cross

SHARED = {80: 163 * 1024, 86: 99 * 1024, 89: 99 * 1024, 90: 227 * 1024}
FACTORS = {"fp16": tl.float16, "bf16": tl.bfloat16, "fp32": tl.float32}
SHAPES = (("fp16", 64, 32), ("fp16", 64, 64), ("bf16", 128, 128), ("fp32", 128, 128))
POOLED_WIDTHS = (32, 64)


def shared_memory(
    kernel: Any, types: dict[str, str], constants: dict[str, Any], capability: int, **options: int
) -> int:
    """Compile one kernel; tensors are taken to be aligned to 16 bytes, as torch makes them.

    Returns:
        Bytes of shared memory that a program needs.
    """
    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else types[name] for name in names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if signature[name].startswith("*")
    }
    values = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(kernel, signature, values, aligned)
    target = GPUTarget("cuda", capability, 32)
    return triton.compile(source, target=target, options=options).metadata.shared


def report(capability: int, kernel: str, shape: str, shared: int) -> None:
    """Write one line."""
    line = {"capability": capability, "kernel": kernel, "shape": shape, "shared": shared}
    sys.stdout.write(json.dumps(line | {"limit": SHARED[capability]}) + "\n")


def block_sparse(capability: int) -> None:
    """The kernels of block-sparse attention with 8 slots and 4 heads, all evidence asked for."""
    common = {
        "HEADS": 4, "NEAR": 1, "SLOTS": 8, "PRECISION": triton_impl.PRECISION,
    }  # fmt: skip
    types: dict[str, str] = dict.fromkeys(triton_impl._attention_kernel.arg_names, "*fp32")
    types |= {"kept_ptr": "*i32", "count_ptr": "*i32", "tokens": "i32", "blocks": "i32"}
    for dtype, block, width in SHAPES:
        names = ("query_ptr", "key_ptr", "value_ptr", "output_ptr")
        stored: dict[str, str] = dict.fromkeys(names, f"*{dtype}")
        item = 4 if dtype == "fp32" else 2
        launch = triton_impl.launch_options(block, width, item, SHARED[capability])
        constants = common | {
            "BLOCK": block, "ROWS": launch.rows, "KEYS": launch.keys, "HALF": width // 2,
            "NEAR_STAGES": launch.near_stages, "COLUMNS": 8, "FACTOR": FACTORS[dtype],
            "WITH_MASS": True, "WITH_LSE": True,
        }  # fmt: skip
        shared = shared_memory(
            triton_impl._attention_kernel, types | stored, constants, capability,
            num_warps=launch.warps, num_stages=launch.stages,
        )  # fmt: skip
        report(capability, "attention", f"{dtype} {block} {width}", shared)
        prepare(capability, dtype, block, width)
    for width in POOLED_WIDTHS:
        choose(capability, width)


def prepare(capability: int, dtype: str, block: int, width: int) -> None:
    """Far keys and pooled vectors, with the warps that the launch gives."""
    kernel = triton_prepare._prepare_kernel
    types: dict[str, str] = dict.fromkeys(kernel.arg_names, "*fp32") | {"tokens": "i32"}
    types |= dict.fromkeys(("query_ptr", "key_ptr", "far_key_ptr"), f"*{dtype}")
    constants = {"HEADS": 4, "BLOCK": block, "HALF": width // 2, "WITH_MEANS": True}
    warps = 4 if block * width <= 64 * 64 else 8
    shared = shared_memory(kernel, types, constants, capability, num_warps=warps)
    report(capability, "prepare", f"{dtype} {block} {width}", shared)


def choose(capability: int, width: int) -> None:
    """The two passes over pooled keys, with 1 to 4 selected blocks."""
    tiles = {
        "HEADS": 4, "WIDTH": width, "NEAR": 1, "GLOBALS": 1, "ROWS": triton_select.ROWS,
        "COLUMNS": triton_select.COLUMNS, "PRECISION": triton_select.PRECISION,
    }  # fmt: skip
    listed = {"K_MIN": 1, "K_MAX": 4, "LISTED": 4, "SLOTS": 8}
    for name, kernel, constants in (
        ("normaliser", triton_select._normaliser_kernel, tiles),
        ("select", triton_select._select_kernel, tiles | listed),
    ):
        types: dict[str, str] = dict.fromkeys(kernel.arg_names, "*fp32")
        types |= {"kept_ptr": "*i32", "count_ptr": "*i32", "blocks": "i32"}
        types |= {"scale": "fp32", "mass": "fp32"}
        shared = shared_memory(kernel, types, constants, capability)
        report(capability, name, f"fp32 {width}", shared)


def cross_attention(capability: int) -> None:
    """The kernels of query-to-document attention at width 64 with 32 query tokens."""
    common = {
        "WIDTH": 64, "PADDED": 64, "QUERIES": 32, "TILE": cross.TILE, "SCALE": 127.0,
        "PRECISION": cross.PRECISION,
    }  # fmt: skip
    types = {
        "query_ptr": "*fp32", "token_ptr": "*i8", "segment_ptr": "*i64", "block_ptr": "*i64",
        "read_ptr": "*i8", "best_ptr": "*fp32", "where_ptr": "*i64", "peak_ptr": "*fp32",
        "total_ptr": "*fp32", "lse_ptr": "*fp32", "weight_ptr": "*fp32", "share_ptr": "*fp32",
        "tokens": "i32", "queries": "i32", "block": "i32", "sharpness": "fp32",
    }  # fmt: skip
    for name, constants in (
        ("_segment_kernel", common | {"READ_ALL": False}),
        ("_normaliser_kernel", common),
        ("_weight_kernel", common),
    ):
        shared = shared_memory(getattr(cross, name), types, constants, capability)
        report(capability, name.strip("_"), "64 32", shared)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        block_sparse(int(wanted))
        cross_attention(int(wanted))
