"""Words that suppliers put into pictures."""

from __future__ import annotations

import numpy as np

from imgassets.learning.synthetic.chance import happens, pick

_MISSING = (
    "No image available", "Image not available", "No image", "No photo", "No photo available",
    "Image not found", "Image coming soon", "Coming soon", "Photo coming soon", "Picture pending",
    "Image unavailable", "Preview not available", "No preview", "No picture yet",
    "No product image", "Image missing", "404 image not found", "Awaiting image", "Photo to follow",
    "Temporary image",
    "Placeholder", "Sample image", "Product photo in preparation", "Sorry, no image",
    "Kein Bild verfügbar", "Bild folgt in Kürze", "Kein Foto vorhanden", "Abbildung folgt",
    "Image non disponible", "Photo à venir", "Pas d'image", "Visuel bientôt disponible",
    "Imagen no disponible", "Próximamente", "Sin imagen", "Foto no disponible",
    "Immagine non disponibile", "Foto in arrivo", "Imagem indisponível", "Sem imagem",
    "Geen afbeelding beschikbaar", "Afbeelding volgt", "Brak zdjęcia", "Zdjęcie wkrótce",
    "Bild saknas", "Billede mangler", "Ei kuvaa", "Obrázek není k dispozici", "Nincs kép",
    "Görsel hazırlanıyor", "Resim yok", "Нет фото", "Изображение отсутствует", "Скоро будет",
    "暂无图片", "图片加载失败", "敬请期待", "画像準備中", "이미지 준비중", "Không có hình ảnh",
)  # fmt: skip

_ASIDES = (
    "We are working on it", "Please check back later", "Thank you for your patience",
    "Contact us for details", "Our photographer is on the way", "{size}", "SKU {number}",
    "Item no. {number}", "ERROR 404", "{brand}", "www.{site}", "Image for illustration only",
)  # fmt: skip

_OFFERS = (
    "SALE", "Sale!", "HOT", "NEW", "New!", "NEW IN", "TOP", "TOP DEAL", "BEST SELLER", "Bestseller",
    "Best price", "DEAL", "Hot deal", "Limited edition", "Special offer", "OFFER", "Clearance",
    "Last chance", "Flash sale", "Mega sale", "Black Friday", "Cyber Monday", "Summer sale",
    "Winter sale", "Free shipping", "Free delivery", "FREE", "Gift inside", "2 for 1", "3 for 2",
    "Buy 1 get 1", "Buy now", "Exclusive", "Online only", "Top rated", "Editor's choice", "No. 1",
    "Eco", "Organic", "100% cotton", "Original", "Guarantee", "2 years warranty", "Premium",
    "Angebot", "Neu", "Sonderpreis", "Rabatt", "Soldes", "Promo", "Promotion", "Nouveau", "Oferta",
    "Rebajas", "Nuevo", "Saldi", "Novità", "Aanbieding", "Promocja", "Nowość", "Rea", "Tilbud",
    "Акция", "Скидка", "Новинка", "Хит", "特价", "新品", "热卖", "包邮", "限定", "세일",
)  # fmt: skip

_FEATURES = (
    "Machine washable", "Quick dry", "Breathable fabric", "Slim fit", "Regular fit",
    "4-way stretch", "Waterproof", "Wind resistant", "UV protection", "Deep pockets",
    "Elastic waistband",
    "Soft touch", "Non-slip sole", "Adjustable strap", "Lightweight", "Heavy duty", "Easy to clean",
    "BPA free", "Dishwasher safe", "Long battery life", "Fast charging", "USB-C", "Bluetooth 5.3",
    "Stainless steel", "Solid oak", "Tool-free assembly", "Ergonomic", "Foldable", "Anti-odour",
    "Reinforced seams", "Moisture wicking", "Recycled material", "High quality",
    "One size fits all", "5 year guarantee", "Made in Europe", "Pflegeleicht", "Atmungsaktiv",
    "Haute qualité",
    "Alta calidad", "Легкий материал", "高品质", "防水",
)  # fmt: skip

_HEADINGS = (
    "Features", "Why you'll love it", "Key benefits", "Product details", "Size guide", "What's in",
    "Highlights", "Perfect for every day", "Comfort meets style", "Vorteile", "Caractéristiques",
)  # fmt: skip

_SYLLABLES = (
    "no", "va", "lu", "mi", "ka", "ro", "zen", "ta", "or", "bel", "sun", "ark", "vi", "sto", "el",
    "fin", "mo", "dex", "ur", "lan", "pri", "ha", "qui", "ne", "so", "ter",
)  # fmt: skip

_SUFFIXES = ("", "", "", "", " shop", " store", " home", " & co", " sport", " design", " outlet")


def missing_image(rng: np.random.Generator) -> str:
    """Return what a placeholder says."""
    if happens(rng, 0.06):
        return f"{int(rng.integers(2, 20)) * 50} x {int(rng.integers(2, 20)) * 50}"
    return pick(rng, _MISSING)


def aside(rng: np.random.Generator) -> str:
    """Return a placeholder's second line."""
    return pick(rng, _ASIDES).format(
        size=f"{int(rng.integers(2, 13)) * 100} × {int(rng.integers(2, 13)) * 100}",
        number=int(rng.integers(10_000, 9_999_999)),
        brand=brand(rng),
        site=site(rng),
    )


def percent(rng: np.random.Generator) -> str:
    """Return a reduction: "-30%", "50% OFF" and the like."""
    share = int(rng.integers(1, 18)) * 5
    form = pick(rng, ("-{}%", "-{} %", "{}% OFF", "SAVE {}%", "{}%", "up to {}%", "{}% rabatt"))
    return form.format(share)


def price(rng: np.random.Generator) -> str:
    """Return a price in any of several currencies and spellings."""
    whole, cents = int(rng.integers(1, 400)), pick(rng, ("99", "95", "90", "49", "00"))
    form = pick(
        rng, ("${}.{}", "{},{} €", "€{}.{}", "£{}.{}", "{}.{}", "{},{} zł", "{},-", "only ${}.{}")
    )
    return form.format(whole, cents)


def offer(rng: np.random.Generator) -> list[str]:
    """Return the one to three lines of a badge."""
    kind = int(rng.integers(6))
    if kind == 0:
        return [percent(rng)]
    if kind == 1:
        return [pick(rng, _OFFERS), percent(rng)]
    if kind == 2:
        return ["only" if happens(rng, 0.5) else pick(rng, _OFFERS), price(rng)]
    words = pick(rng, _OFFERS)
    return words.split(" ", 1) if kind == 3 or len(words) > 9 else [words]


def slogan(rng: np.random.Generator) -> str:
    """Return one line that promotes."""
    kind = int(rng.integers(5))
    if kind == 0:
        return f"{pick(rng, _OFFERS)} {percent(rng)}"
    if kind == 1:
        return f"{pick(rng, _OFFERS)} · {pick(rng, _OFFERS)}"
    if kind == 2:
        return f"{pick(rng, _FEATURES)} – {pick(rng, _FEATURES).lower()}"
    return pick(rng, (*_HEADINGS, *_OFFERS, *_FEATURES))


def features(rng: np.random.Generator, count: int) -> list[str]:
    """Return a heading and ``count`` different features."""
    chosen = rng.permutation(len(_FEATURES))[:count]
    return [pick(rng, _HEADINGS), *(_FEATURES[i] for i in chosen)]


def feature(rng: np.random.Generator) -> str:
    """Return one feature of a product."""
    return pick(rng, _FEATURES)


def brand(rng: np.random.Generator) -> str:
    """Return an invented brand."""
    syllables = [pick(rng, _SYLLABLES) for _ in range(int(rng.integers(2, 4)))]
    return ("".join(syllables) + pick(rng, _SUFFIXES)).title()


def site(rng: np.random.Generator) -> str:
    """Return an invented internet domain."""
    name = brand(rng).lower().replace(" ", "").replace("&", "-")
    return name + pick(rng, (".com", ".de", ".shop", ".net", ".store", ".co.uk", ".fr", ".cn"))


def contact(rng: np.random.Generator) -> str:
    """Return a line that leads customers elsewhere: a site, an address, a number, an account."""
    number = "".join(str(int(digit)) for digit in rng.integers(0, 10, 9))
    return pick(
        rng,
        (
            f"www.{site(rng)}", f"https://{site(rng)}", f"info@{site(rng)}", f"+49 {number}",
            f"Tel. 0{number}", f"WhatsApp +86 1{number}", f"call 1-800-{number[:7]}",
            f"@{brand(rng).lower().replace(' ', '_')}", f"WeChat: {number[:7]}",
        ),
    )  # fmt: skip


def rights(rng: np.random.Generator) -> str:
    """Return what a watermark says."""
    name = brand(rng)
    return pick(
        rng,
        (
            name, name, f"© {name}", f"© {name} 2024", site(rng), f"www.{site(rng)}", "SAMPLE",
            "PREVIEW", "DO NOT COPY", "COPYRIGHT", "stock photo", f"{name} images", "DRAFT",
        ),
    )  # fmt: skip


def measure(rng: np.random.Generator) -> str:
    """Return a length as product drawings give it."""
    value = rng.uniform(3, 240)
    form = pick(rng, ("{:.0f} cm", "{:.1f} cm", "{:.0f} mm", '{:.1f}"', "{:.1f} in", "{:.0f}cm"))
    return form.format(value)
