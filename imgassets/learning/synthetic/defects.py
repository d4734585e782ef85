"""The known defects by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from imgassets.learning.synthetic import (
    badges,
    blur,
    charts,
    framing,
    harmless,
    leaflets,
    mounting,
    overlay,
    placeholder,
    products,
    scenes,
    views,
)


@dataclass(frozen=True)
class Defect:
    """One way in which a picture is spoilt, varied without harm, or made one of another type.

    Attributes:
        name: what it is called.
        flag: what a classifier should say of the result: ``blurry``, ``small_object``,
            ``placeholder``, ``promo_badge``, ``text_overlay``, ``watermark``, ``border``,
            ``collage``, or a type: ``lifestyle``, ``multi_view``, ``size_chart``; empty for a
            harmless variation, whose result is a good image.
        description: one line for a person.
        apply: (picture, severity, rng) → picture: RGB, uint8, height × width × 3; the severity 0
            (hardly visible) … 1 (gross). The picture that is given stays as it is.
        several: whether ``apply`` takes, as fourth argument, further pictures of the same product.
    """

    name: str
    flag: str
    description: str
    apply: Callable[..., np.ndarray]
    several: bool = False


_ALL = (
    Defect("central_crop_blur", "blurry", "the object cut out and enlarged from too few pixels",
           blur.central_crop_blur),
    Defect("gaussian_blur", "blurry", "evenly soft", blur.gaussian_blur),
    Defect("motion_blur", "blurry", "a shaken camera: any direction, straight or bent",
           blur.motion_blur),
    Defect("thumbnail_upscale", "blurry", "a thumbnail enlarged, with its JPEG blocks",
           blur.thumbnail_upscale),
    Defect("defocus", "blurry", "out of focus: discs or polygons of light", blur.defocus),
    Defect("whitespace_padding", "small_object", "far too wide a margin on some or all sides",
           framing.whitespace_padding),
    Defect("grabcut_white", "small_object", "the object cut out, small on white",
           framing.grabcut_white),
    Defect("grabcut_natural", "small_object", "the object cut out, small on a natural ground",
           framing.grabcut_natural),
    Defect("placeholder_text", "placeholder", "words: no image, in many languages",
           placeholder.placeholder_text),
    Defect("placeholder_icon", "placeholder", "a camera, picture frame, cart, box or question mark",
           placeholder.placeholder_icon),
    Defect("placeholder_logo", "placeholder", "the seller's invented logo",
           placeholder.placeholder_logo),
    Defect("grey_panel", "placeholder", "an empty panel, plain, striped or checked",
           placeholder.grey_panel),
    Defect("gradient_panel", "placeholder", "one colour running into another",
           placeholder.gradient_panel),
    Defect("placeholder_silhouette", "placeholder", "the flat outline of a kind of goods",
           placeholder.placeholder_silhouette),
    Defect("loading_spinner", "placeholder", "what a page shows while it loads",
           placeholder.loading_spinner),
    Defect("placeholder_combined", "placeholder", "an icon or outline with words",
           placeholder.placeholder_combined),
    Defect("promo_seal", "promo_badge", "a starburst or scalloped seal", badges.seal),
    Defect("promo_disc", "promo_badge", "a round or oval badge", badges.disc),
    Defect("promo_ribbon", "promo_badge", "a ribbon across a corner", badges.ribbon),
    Defect("promo_banner", "promo_badge", "a banner at the top, the bottom or aslant",
           badges.banner),
    Defect("price_tag", "promo_badge", "a price on a tag or in a box", badges.price_tag),
    Defect("promo_pill", "promo_badge", "a label with a few words", badges.pill),
    Defect("sticker", "promo_badge", "a face, heart, flag, stamp, cart or stars", badges.sticker),
    Defect("text_lines", "text_overlay", "a slogan over the picture", overlay.text_lines),
    Defect("feature_bullets", "text_overlay", "a list of features", overlay.feature_bullets),
    Defect("dimension_arrows", "text_overlay", "lengths with arrows along the object",
           overlay.dimension_arrows),
    Defect("contact_line", "text_overlay", "a site, telephone number or account",
           overlay.contact_line),
    Defect("watermark_tiled", "watermark", "a faint name all over", overlay.watermark_tiled),
    Defect("watermark_centred", "watermark", "one large faint name or logo",
           overlay.watermark_centred),
    Defect("plain_border", "border", "a coloured frame", mounting.plain_border),
    Defect("rounded_border", "border", "a frame with round inner corners",
           mounting.rounded_border),
    Defect("double_border", "border", "two frames, one inside the other", mounting.double_border),
    Defect("collage_grid", "collage", "parts of the picture in a grid", mounting.collage_grid),
    Defect("collage_strip", "collage", "parts of the picture in one row or column",
           mounting.collage_strip),
    Defect("collage_insets", "collage", "enlarged details laid over the picture",
           mounting.collage_insets),
    Defect("in_room", "lifestyle", "in a furnished room", scenes.in_room),
    Defect("in_street", "lifestyle", "in a street", scenes.in_street),
    Defect("in_meadow", "lifestyle", "out of doors, on grass, sand or stone", scenes.in_meadow),
    Defect("on_shelf", "lifestyle", "on a shelf among other things", scenes.on_shelf),
    Defect("on_table", "lifestyle", "lying among small things, from above", scenes.on_table),
    Defect("views_row", "multi_view", "whole views in one row or column", views.views_row, True),
    Defect("views_grid", "multi_view", "whole views in a grid", views.views_grid, True),
    Defect("views_large_and_small", "multi_view", "a large view with a strip of small ones",
           views.views_large_and_small, True),
    Defect("views_with_closeups", "multi_view", "discs or squares with details beside the object",
           views.views_with_closeups, True),
    Defect("size_table", "size_chart", "sizes and measures in a table", charts.size_table),
    Defect("measured_outline", "size_chart", "goods in outline with arrows along them",
           charts.measured_outline),
    Defect("data_sheet", "size_chart", "properties, nutrition facts or ingredients",
           charts.data_sheet),
    Defect("callouts", "size_chart", "the object, small, among named features", leaflets.callouts),
    Defect("care_label", "size_chart", "symbols for washing and what the cloth is made of",
           leaflets.care_label),
    Defect("resized", "", "reduced to 100 … 40 %", harmless.resized),
    Defect("recompressed", "", "JPEG again, at a lower quality", harmless.recompressed),
    Defect("toned", "", "brightness, contrast and colour a little changed", harmless.toned),
    Defect("cropped", "", "1 … 5 % cut off each side", harmless.cropped),
    Defect("mildly_padded", "", "a margin that leaves the object 35 % of the frame or more",
           harmless.mildly_padded),
    Defect("flipped", "", "mirrored", harmless.flipped),
    Defect("uniform_product", "", "a plain product drawn crisp from scratch",
           products.uniform_product),
)  # fmt: skip

DEFECTS: Mapping[str, Defect] = MappingProxyType({defect.name: defect for defect in _ALL})
"""By name: those of one flag together, harmless variations last."""
