"""Words and numbers of size charts, care labels and data sheets, in several languages and units."""

from __future__ import annotations

import numpy as np

from imgassets.learning.synthetic.chance import happens, pick

_TITLES = (
    "Size chart", "SIZE CHART", "Size guide", "Sizing", "Measurements", "Product dimensions",
    "Größentabelle", "Maßtabelle", "Guide des tailles", "Tableau des tailles", "Guía de tallas",
    "Tabla de medidas", "Guida alle taglie", "Maattabel", "Tabela rozmiarów", "Storleksguide",
    "Таблица размеров", "尺码表", "サイズ表", "사이즈 표", "Beden tablosu",
)  # fmt: skip

_MEASURES = (
    ("Chest", "Waist", "Hip", "Length", "Sleeve", "Shoulder", "Inseam", "Thigh"),
    ("Bust", "Waist", "Hips", "Height", "Arm", "Neck"),
    ("Brustumfang", "Taille", "Hüfte", "Länge", "Ärmel", "Schulter"),
    ("Poitrine", "Taille", "Hanches", "Longueur", "Manche", "Épaule"),
    ("Pecho", "Cintura", "Cadera", "Largo", "Manga", "Hombro"),
    ("Petto", "Vita", "Fianchi", "Lunghezza", "Manica", "Spalla"),
    ("Грудь", "Талия", "Бёдра", "Длина", "Рукав", "Плечо"),
    ("胸围", "腰围", "臀围", "衣长", "袖长", "肩宽"),
    ("Width", "Depth", "Height", "Weight", "Volume", "Diameter"),
    ("Foot length", "Width", "EU", "UK", "US"),
)  # fmt: skip

_SIZES = (
    ("XS", "S", "M", "L", "XL", "XXL", "3XL"),
    ("34", "36", "38", "40", "42", "44", "46", "48"),
    ("28", "29", "30", "31", "32", "33", "34", "36"),
    ("36", "37", "38", "39", "40", "41", "42", "43"),
    ("92", "98", "104", "110", "116", "122", "128", "140"),
    ("160/84A", "165/88A", "170/92A", "175/96A", "180/100A"),
    ("2T", "3T", "4T", "5Y", "6Y", "8Y", "10Y"),
    ("6", "8", "10", "12", "14", "16", "18"),
)  # fmt: skip

_SIZE = ("Size", "SIZE", "Größe", "Taille", "Talla", "Taglia", "Размер", "尺码", "")

_NOTES = (
    "Please allow 1-3 cm difference due to manual measurement.", "All measurements in cm",
    "Measurements may vary slightly", "If in doubt, choose the larger size", "1 inch = 2.54 cm",
    "Alle Angaben in cm", "Mesures en cm", "Medidas en centímetros", "单位: cm", "允许1-3cm误差",
)  # fmt: skip

_CARE = (
    "Machine wash cold", "Do not bleach", "Tumble dry low", "Do not tumble dry", "Iron low heat",
    "Do not iron", "Dry clean only", "Hand wash", "Line dry", "Wash with like colours",
    "Bei 30° waschen", "Nicht bleichen", "Laver à 30°", "Ne pas repasser", "Lavar a mano",
    "Не отбеливать", "手洗", "不可漂白",
)  # fmt: skip

_FIBRES = (
    "cotton", "polyester", "elastane", "wool", "viscose", "nylon", "linen", "Baumwolle", "coton",
    "algodón", "cotone", "хлопок", "棉", "silk", "acrylic",
)  # fmt: skip

_PROPERTIES = (
    "Material", "Weight", "Colour", "Dimensions", "Power", "Voltage", "Battery", "Capacity",
    "Model", "Brand", "Contents", "Warranty", "Origin", "Screen", "Memory", "Connectivity",
    "Range", "Gewicht", "Farbe", "Poids", "Couleur", "Peso", "Материал", "Вес", "型号", "材质",
    "重量",
)  # fmt: skip

_NUTRIENTS = (
    "Energy", "Fat", "of which saturates", "Carbohydrate", "of which sugars", "Fibre", "Protein",
    "Salt", "Sodium", "Vitamin C", "Calcium", "Iron",
)  # fmt: skip

_INGREDIENTS = (
    "Aqua", "Glycerin", "Sodium Laureth Sulfate", "Parfum", "Citric Acid", "Wheat flour", "Sugar",
    "Palm oil", "Cocoa butter", "Salt", "Emulsifier (soya lecithin)", "Tocopherol", "Whey powder",
    "Niacinamide", "Panthenol", "Limonene", "Water", "Skimmed milk powder", "Natural flavouring",
)  # fmt: skip

_STEPS = (
    "Insert the bolts", "Press and hold for 3 s", "Rinse before use", "Shake well", "Attach part A",
    "Charge fully", "Apply to dry skin", "Tighten the screws", "Close the lid", "Switch on",
)  # fmt: skip


def table(rng: np.random.Generator, rows: int, columns: int) -> list[list[str]]:
    """Return the cells of a size table: a heading row, then one row of measures per size.

    Args:
        rng: source of randomness.
        rows: sizes, at most.
        columns: measures, at most.
    """
    measures, sizes = pick(rng, _MEASURES)[:columns], pick(rng, _SIZES)
    start = int(rng.integers(max(1, len(sizes) - rows + 1)))
    chosen = sizes[start : start + rows]
    inches = happens(rng, 0.3)
    unit = pick(rng, ("", " (in)", '"') if inches else ("", " (cm)", " cm", "/cm"))
    heads = [pick(rng, _SIZE), *(name + unit for name in measures)]
    first = rng.uniform(18, 45, len(measures)) if inches else rng.uniform(40, 110, len(measures))
    step = rng.uniform(0.5, 2, len(measures)) if inches else rng.uniform(1, 5, len(measures))
    form = pick(rng, ("{:.1f}", '{:.1f}"') if inches else ("{:.0f}", "{:.0f}", "{:.1f}"))
    spans = happens(rng, 0.25)
    body = []
    for index, size in enumerate(chosen):
        values = first + index * step
        cells = [form.format(value) for value in values]
        if spans:
            cells = [f"{value:.0f}-{value + 3:.0f}" for value in values]
        body.append([size, *cells])
    return [heads, *body]


def title(rng: np.random.Generator) -> str:
    """Return the heading of a size chart."""
    return pick(rng, _TITLES)


def note(rng: np.random.Generator) -> str:
    """Return the small print under a size chart."""
    return pick(rng, _NOTES)


def measures(rng: np.random.Generator) -> tuple[str, ...]:
    """Return names of measures in one language."""
    return pick(rng, _MEASURES)


def care(rng: np.random.Generator, count: int) -> list[str]:
    """Return different instructions for washing."""
    return [_CARE[int(i)] for i in rng.permutation(len(_CARE))[:count]]


def fibres(rng: np.random.Generator) -> str:
    """Return what cloth is made of, e.g. "95% cotton 5% elastane"."""
    main, other = (_FIBRES[int(i)] for i in rng.permutation(len(_FIBRES))[:2])
    share = int(rng.integers(10, 21)) * 5
    return f"{share}% {main}" + (f" {100 - share}% {other}" if share < 100 else "")


def properties(rng: np.random.Generator, count: int) -> list[list[str]]:
    """Return rows of a data sheet: a property and its value."""
    values = (
        f"{int(rng.integers(2, 900))} g", f"{int(rng.integers(5, 99))} × 24 cm", "black", "ABS",
        f"{int(rng.integers(1, 240))} V", f"{int(rng.integers(500, 9000))} mAh", "USB-C", "IP67",
        f"{int(rng.integers(1, 6))} years", f"{rng.uniform(1, 15):.1f} L", "stainless steel",
        f"{int(rng.integers(4, 513))} GB", "100% cotton", "yes", "不锈钢", "Holz", "noir",
    )  # fmt: skip
    chosen = rng.permutation(len(_PROPERTIES))[:count]
    return [[_PROPERTIES[int(i)], pick(rng, values)] for i in chosen]


def nutrients(rng: np.random.Generator, count: int) -> list[list[str]]:
    """Return rows of a nutrition table, its heading first."""
    rows = [["per 100 g", "", pick(rng, ("%", "RI*", "DV"))]]
    for name in _NUTRIENTS[:count]:
        amount = (
            f"{rng.uniform(0, 60):.1f} g"
            if name != "Energy"
            else f"{int(rng.integers(80, 2400))} kJ"
        )
        rows.append([name, amount, f"{int(rng.integers(0, 60))}%"])
    return rows


def prose(rng: np.random.Generator, lines: int) -> list[str]:
    """Return lines of running text: ingredients or instructions."""
    words = _INGREDIENTS if happens(rng, 0.6) else (*_STEPS, *_CARE)
    head = pick(rng, ("Ingredients:", "INCI:", "Zutaten:", "How to use:", "Directions:", "成分:"))
    text = [head]
    for _ in range(lines):
        text.append(", ".join(pick(rng, words) for _ in range(int(rng.integers(2, 5)))))
    return text
