"""Which device networks run on."""

from __future__ import annotations


def describe_device(wanted: str) -> str:
    """Compute something on the device that a setting names; return what it is.

    Args:
        wanted: as :class:`imgassets.settings.VisionSettings` has it.

    Raises:
        RuntimeError: torch cannot use it.
    """
    import torch

    from imgassets.vision.pretrained import device_of

    device = device_of(wanted, torch)
    try:
        torch.ones(8, device=device).sum().item()
    except (AssertionError, RuntimeError) as error:  # a build without CUDA asserts
        raise RuntimeError(f"torch {torch.__version__} cannot use {wanted}: {error}") from error
    if device.type != "cuda":
        return f"{device} with torch {torch.__version__}"
    memory = torch.cuda.get_device_properties(device).total_memory / 2**30
    name = torch.cuda.get_device_name(device)
    return f"{name}, {memory:.0f} GiB, with torch {torch.__version__}"
