"""Variations of whole batches: geometry, colour, sharpness, noise, missing parts, mixtures."""

from __future__ import annotations

from typing import Any

Tensor = Any
"""A ``torch.Tensor``; torch is imported inside functions."""


def vary(pixels: Tensor, side: int, random: Any) -> Tensor:  # noqa: ANN401
    """Vary each picture of a batch in its own way.

    Args:
        pixels: float32, batch × 3 × any × any, 0 … 255.
        side: pixels of the squares that are returned.
        random: a ``torch.Generator``.

    Returns:
        float32, batch × 3 × side × side, 0 … 255.
    """
    varied = _recolour(_warp(pixels, side, random), random)
    varied = _soften(varied, random)
    return _erase(varied, random).clamp(0, 255)


def mix(pixels: Tensor, targets: Tensor, random: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Mix a batch with itself in another order: as mixup or as CutMix, either for half the batches.

    After Zhang et al. (2018) and Yun et al. (2019).

    Args:
        pixels: batch × 3 × side × side.
        targets: batch × classes, the wanted probabilities.
        random: a ``torch.Generator``.

    Returns:
        The mixed pictures and probabilities.
    """
    import torch

    count, side = len(pixels), pixels.shape[-1]
    order = torch.randperm(count, generator=random)
    draw = torch.rand(4, generator=random).tolist()
    if draw[0] < 0.5:
        share = 0.5 + 0.5 * draw[1]
        return (
            pixels * share + pixels[order] * (1 - share),
            targets * share + targets[order] * (1 - share),
        )
    edge = int(side * (0.25 + 0.4 * draw[1]))
    top, left = int(draw[2] * (side - edge)), int(draw[3] * (side - edge))
    mixed = pixels.clone()
    window = (..., slice(top, top + edge), slice(left, left + edge))
    mixed[window] = pixels[order][window]
    share = 1 - (edge / side) ** 2
    return mixed, targets * share + targets[order] * (1 - share)


def _warp(pixels: Tensor, side: int, random: Any) -> Tensor:  # noqa: ANN401
    """Mirror, turn, stretch, shear, move, crop and tilt."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    count = len(pixels)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=random) * (high - low) + low

    angle = torch.randn(count, generator=random) * 0.16
    zoom, aspect = torch.exp(uniform(-0.42, 0.1)), torch.exp(uniform(-0.16, 0.16))
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    slant = uniform(-0.12, 0.12)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    across, down = zoom * aspect, zoom / aspect
    # What is cropped may be anywhere in the picture, what is shrunk too.
    room = (1 - zoom).abs() + 0.06
    matrix = torch.stack(
        [
            torch.stack(
                [across * cosine * mirror, down * (slant - sine), uniform(-1, 1) * room], 1
            ),
            torch.stack([across * sine * mirror, down * cosine, uniform(-1, 1) * room], 1),
        ],
        dim=1,
    )
    grid = affine_grid(matrix, [count, 3, side, side], align_corners=False)
    tilt_x, tilt_y = (uniform(-0.15, 0.15).view(-1, 1, 1) for _ in range(2))
    depth = 1 + tilt_x * grid[..., 0] + tilt_y * grid[..., 1]
    return grid_sample(
        pixels, grid / depth[..., None], padding_mode="reflection", align_corners=False
    )


def _recolour(pixels: Tensor, random: Any) -> Tensor:  # noqa: ANN401
    """Change light, contrast, saturation and hue; some become grey, some negative in hue."""
    import torch

    count = len(pixels)

    def uniform(low: float, high: float) -> Tensor:
        return (torch.rand(count, generator=random) * (high - low) + low).view(-1, 1, 1, 1)

    gray = pixels.mul(pixels.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, True)
    saturation = torch.where(uniform(0, 1) < 0.12, 0.0, torch.exp(uniform(-0.6, 0.5)))
    chroma = (pixels - gray) * saturation
    # Hue is turned about the grey axis (Rodrigues' formula for the axis (1, 1, 1)).
    angle = torch.where(uniform(0, 1) < 0.25, uniform(-3.14, 3.14), uniform(-0.35, 0.35))
    turned = chroma * torch.cos(angle) + (chroma.roll(1, 1) - chroma.roll(2, 1)) * (
        torch.sin(angle) / 3**0.5
    )
    mean = gray.mean((2, 3), True)
    light = (gray - mean) * torch.exp(uniform(-0.45, 0.35)) + mean
    tint = 1 + 0.08 * torch.randn(count, 3, 1, 1, generator=random)
    return (light + turned).clamp(0, 255) * tint * torch.exp(uniform(-0.4, 0.3))


def _soften(pixels: Tensor, random: Any) -> Tensor:  # noqa: ANN401
    """Blur a fifth of the pictures, sharpen a fifth, shrink and enlarge some, add noise to some."""
    import torch
    from torch.nn.functional import avg_pool2d, interpolate

    count, side = len(pixels), pixels.shape[-1]
    draw = torch.rand(count, generator=random)
    blurred = avg_pool2d(pixels, 3, 1, 1, count_include_pad=False)
    softer = avg_pool2d(blurred, 3, 1, 1, count_include_pad=False)
    coarse = interpolate(pixels, scale_factor=0.5, mode="area")
    coarse = interpolate(coarse, size=(side, side), mode="bilinear")
    changed = pixels.clone()
    for low, high, version in (
        (0.0, 0.1, blurred),
        (0.1, 0.17, softer),
        (0.17, 0.24, coarse),
        (0.24, 0.44, 2 * pixels - blurred),
    ):
        chosen = (draw >= low) & (draw < high)
        changed[chosen] = version[chosen]
    noisy = torch.rand(count, generator=random) < 0.2
    strength = torch.rand(count, 1, 1, 1, generator=random)[noisy] * 16
    changed[noisy] += strength * torch.randn(changed[noisy].shape, generator=random)
    return changed


def _erase(pixels: Tensor, random: Any) -> Tensor:  # noqa: ANN401
    """Cover a rectangle of three in ten pictures with its picture's mean (Zhong et al., 2020)."""
    import torch

    side = pixels.shape[-1]
    draws = torch.rand(len(pixels), 5, generator=random).tolist()
    for row, (chance, tall, wide, top, left) in enumerate(draws):
        if chance < 0.3:
            height, width = (int(side * (0.12 + 0.3 * size)) for size in (tall, wide))
            y, x = int(top * (side - height)), int(left * (side - width))
            pixels[row, :, y : y + height, x : x + width] = pixels[row].mean((1, 2))[:, None, None]
    return pixels
