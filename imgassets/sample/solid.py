"""Thin boxes with rounded corners in three dimensions: tablets, lids and keyboards.

World units are centimetres, x right, y up and z towards the viewer of an unturned slab. A
:class:`Camera` turns the world, projects it with perspective and fits it into a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from imgassets.sample.canvas import (
    SUPERSAMPLE,
    Array,
    Colour,
    blank,
    bounds,
    cast_shadow,
    lighten,
    mask_of,
    mix,
    over,
    rounded,
    stroke,
)

_LIGHT = np.array([-0.35, 0.75, 0.56])


def turn(axis: str, degrees: float) -> Array:
    """Return the 3 × 3 rotation about ``axis`` ('x', 'y' or 'z') by ``degrees``."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


@dataclass
class Slab:
    """A box with rounded corners and pictures on its two large faces.

    Attributes:
        width: Along its own x, in centimetres.
        height: Along its own y.
        thickness: Along its own z.
        radius: Of the corners seen from the front.
        front: RGB picture of the face at +z.
        back: RGB picture of the face at -z, as seen from behind.
        edge: Colour of the rim.
        rotation: Own axes to world axes.
        centre: Position in the world.
        marks: Flat polygons in own coordinates with their colour: buttons, ports, feet.
    """

    width: float
    height: float
    thickness: float
    radius: float
    front: Array
    back: Array
    edge: Colour
    rotation: Array = field(default_factory=lambda: np.eye(3))
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    marks: list[tuple[Array, Colour]] = field(default_factory=list)

    def outline(self, z: float) -> Array:
        """Return the outline at own depth ``z`` as ``(n, 3)`` own coordinates."""
        flat = rounded(-self.width / 2, -self.height / 2, self.width, self.height, self.radius)
        return np.column_stack([flat, np.full(len(flat), z)])

    def to_world(self, points: Array) -> Array:
        """Return own coordinates as world coordinates."""
        world: Array = points @ self.rotation.T + np.array(self.centre)
        return world

    def corners(self, side: int) -> Array:
        """Return the corners of the face at ``side`` (+1 front, -1 back), clockwise as seen."""
        x, y, z = self.width / 2, self.height / 2, side * self.thickness / 2
        return self.to_world(
            np.array([[-side * x, y, z], [side * x, y, z], [side * x, -y, z], [-side * x, -y, z]])
        )


@dataclass
class Camera:
    """A camera that looks at the origin.

    Attributes:
        yaw: Degrees it walks around the object to the right.
        pitch: Degrees it looks down from.
        distance: To the origin, in centimetres.
        roll: Degrees the picture is turned.
        scale: Pixels per centimetre at the origin; set by :meth:`fit`.
        shift: Pixels of the origin in the drawing; set by :meth:`fit`.
    """

    yaw: float
    pitch: float
    distance: float
    roll: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def rotation(self) -> Array:
        """Return the rotation from world to camera axes."""
        matrix: Array = turn("z", self.roll) @ turn("x", self.pitch) @ turn("y", -self.yaw)
        return matrix

    def project(self, points: Array) -> Array:
        """Return ``(n, 2)`` drawing pixels of world points."""
        seen = points @ self.rotation().T
        depth = self.distance - seen[:, 2:]
        flat = seen[:, :2] * np.array([1, -1]) * (self.distance / depth)
        pixels: Array = flat * self.scale + np.array(self.shift)
        return pixels

    def eye(self) -> Array:
        """Return the camera's own position in the world."""
        position: Array = self.rotation().T @ np.array([0, 0, self.distance])
        return position

    def fit(self, points: Array, box: tuple[float, float, float, float]) -> None:
        """Set scale and shift so that world ``points`` fill ``box`` (left, top, right, bottom)."""
        self.scale, self.shift = 1.0, (0.0, 0.0)
        left, top, right, bottom = bounds(self.project(points))
        self.scale = min((box[2] - box[0]) / (right - left), (box[3] - box[1]) / (bottom - top))
        self.shift = (
            (box[0] + box[2]) / 2 - (left + right) / 2 * self.scale,
            (box[1] + box[3]) / 2 - (top + bottom) / 2 * self.scale,
        )


def all_points(slabs: list[Slab]) -> Array:
    """Return the world points of all outlines, for fitting and bounding boxes."""
    return np.concatenate(
        [s.to_world(s.outline(side * s.thickness / 2)) for s in slabs for side in (-1, 1)]
    )


def frame_for(camera: Camera, points: Array, longest: int, margin: float) -> tuple[int, int]:
    """Fit ``camera`` to ``points`` and return the drawing's size in pixels.

    Args:
        camera: Camera to fit; its scale and shift are set.
        points: World points to show.
        longest: Longest side of the final picture, in pixels.
        margin: Empty border as a share of the longest side.
    """
    camera.fit(points, (0, 0, 1000, 1000))
    left, top, right, bottom = bounds(camera.project(points))
    inner = longest * (1 - 2 * margin)
    factor = inner / max(right - left, bottom - top)
    # No side under 340 pixels: a thin object gets more air instead of a thinner picture.
    width = max(340, round((right - left) * factor + 2 * margin * longest))
    height = max(340, round((bottom - top) * factor + 2 * margin * longest))
    width, height = width * SUPERSAMPLE, height * SUPERSAMPLE
    gap = margin * longest * SUPERSAMPLE
    camera.fit(points, (gap, gap, width - gap, height - gap))
    return width, height


def _lit(colour: Colour, normal: Array) -> Colour:
    """Return ``colour`` under the studio light on a surface with world ``normal``."""
    facing = float(normal @ _LIGHT / (np.linalg.norm(normal) * np.linalg.norm(_LIGHT)))
    return lighten(colour, 0.22 * facing if facing > 0 else 0.45 * facing)


def draw_slab(picture: Array, slab: Slab, camera: Camera) -> None:
    """Draw one slab over ``picture`` in place."""
    height, width = picture.shape[:2]
    eye = camera.eye()
    low = slab.to_world(slab.outline(-slab.thickness / 2))
    high = slab.to_world(slab.outline(slab.thickness / 2))
    middle = np.array(slab.centre)
    low_px, high_px = camera.project(low), camera.project(high)
    count = len(low)
    for i in range(count):
        j = (i + 1) % count
        centre = (low[i] + low[j] + high[i] + high[j]) / 4
        normal = np.cross(high[i] - low[i], low[j] - low[i])
        if normal @ (centre - middle) < 0:
            normal = -normal
        if not normal.any() or normal @ (eye - centre) <= 0:
            continue
        facet = np.array([low_px[i], low_px[j], high_px[j], high_px[i]])
        colour = _lit(slab.edge, normal)
        fixed = np.round(facet * 16).astype(np.int32)
        cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, 4)
        stroke(picture, facet[:2], colour, 1)
    for side, image in ((1, slab.front), (-1, slab.back)):
        face = slab.corners(side)
        normal = slab.rotation @ np.array([0.0, 0.0, side])
        if normal @ (eye - face.mean(axis=0)) <= 0:
            continue
        h, w = image.shape[:2]
        source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, camera.project(face).astype(np.float32))
        # Reducing a large texture by warping alone would alias; halve it first when it is far.
        shrink = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
        if shrink < 0.6:
            image = cv2.resize(image, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
            matrix = matrix @ np.diag([2.0, 2.0, 1.0])
        rim = high_px if side > 0 else low_px
        left, top, right, bottom = bounds(rim)
        x0, y0 = max(0, int(left) - 1), max(0, int(top) - 1)
        x1, y1 = min(width, int(right) + 2), min(height, int(bottom) + 2)
        if x1 > x0 and y1 > y0:
            # Only the part of the frame that the face covers is worth warping.
            away = np.array([[1.0, 0, -x0], [0, 1.0, -y0], [0, 0, 1.0]])
            warped = cv2.warpPerspective(
                image, away @ matrix, (x1 - x0, y1 - y0), borderMode=cv2.BORDER_REPLICATE
            )
            hole = mask_of(x1 - x0, y1 - y0, rim - np.array([x0, y0]))
            over(picture[y0:y1, x0:x1], warped, hole)
        stroke(picture, rim, mix(slab.edge, (255, 255, 255), 0.45), 2, closed=True)
    for polygon, colour in slab.marks:
        corners = slab.to_world(polygon)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        centre = corners.mean(axis=0)
        if normal @ (centre - middle) < 0:
            normal = -normal
        if normal @ (eye - centre) > 0:
            fixed = np.round(camera.project(corners) * 16).astype(np.int32)
            cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, 4)


def ground_shadow(picture: Array, slabs: list[Slab], camera: Camera, floor: float) -> None:
    """Draw the soft shadow of slabs on the floor at world height ``floor``, in place."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    for slab in slabs:
        flat = np.concatenate(
            [slab.to_world(slab.outline(side * slab.thickness / 2)) for side in (-1, 1)]
        )
        # The lamp stands at the camera's left, so high parts throw their shadow right and away;
        # only so far, as large soft lamps do, or it would reach the frame's edge.
        lift = np.minimum(flat[:, 1:2] - floor, 3.0)
        flat = flat + lift * (turn("y", camera.yaw) @ np.array([0.18, 0.0, -0.25]))
        flat[:, 1] = floor
        hull = cv2.convexHull(camera.project(flat).astype(np.float32))[:, 0]
        mask = np.maximum(mask, mask_of(width, height, hull))
    sigma = max(width, height) * 0.012
    cast_shadow(picture, mask, 0, sigma * 0.5, sigma, 0.3)
    cast_shadow(picture, mask, 0, 0, sigma * 0.35, 0.22)


def object_mask(size: tuple[int, int], slabs: list[Slab], camera: Camera) -> Array:
    """Return the mask of everything the slabs cover on a (width, height) drawing."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    for slab in slabs:
        points = camera.project(all_points([slab])).astype(np.float32)
        mask = np.maximum(mask, mask_of(size[0], size[1], cv2.convexHull(points)[:, 0]))
    return mask


def studio(size: tuple[int, int]) -> Array:
    """Return a white studio background of (width, height) pixels."""
    return blank(size[0], size[1])
