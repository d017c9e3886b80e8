"""Where training runs: the processor, or a GPU where PyTorch finds one."""

import torch

from engine.training.config import ConfigError


def training_device(name: str) -> torch.device:
    """The device of a run.

    Args:
        name: ``"auto"`` for the first GPU, or the processor where there is none; else ``"cpu"`` or,
            in PyTorch's words, a GPU such as ``"cuda:1"``.

    Raises:
        ConfigError: There is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError("training.no_device", name=name) from error
    return device


def precision(device: torch.device) -> torch.autocast:
    """The mixed precision of training: bfloat16 where it is quick, else float32.

    A processor without AVX-512 emulates bfloat16 products, which then take fifty times as long; a
    GPU before compute capability 8.0 emulates them, too.
    """
    if device.type == "cuda":
        quick = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        quick = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=quick)
