"""What synthetic reports are about, around what, and the words of some of them. Made up, not measured anywhere."""

from __future__ import annotations

from app.nomenclature.store import Category
from app.reports.demo.scene import AnchorKind

# Relative frequencies; a category that is not here (somebody added it) gets a little.
FREQUENCY: dict[str, float] = {
    "fly_tipping": 9.0, "bulky_waste": 8.0, "overflowing_bin": 7.0, "thrown_waste": 2.0, "fouling": 2.5,
    "graffiti": 6.0, "fly_posting": 1.5, "pests": 1.2,
    "pothole": 3.5, "damaged_pavement": 3.5, "street_light_out": 5.0, "broken_furniture": 3.0, "damaged_sign": 1.5,
    "neglected_greenery": 2.0, "damaged_playground": 1.0, "blocked_access": 1.5,
    "broken_entrance": 2.5, "lift_out": 2.0, "damaged_letterboxes": 1.2, "broken_glass": 1.2, "hall_light_out": 1.8,
    "leak": 1.3, "bin_room": 1.4, "cellar_car_park": 1.4,
    "wreck": 1.6, "obstructive_parking": 3.5, "dangerous_riding": 2.4, "street_mechanics": 1.2,
    "hall_occupation": 2.6, "noisy_gathering": 3.2, "noise": 3.0, "fire": 0.9, "fireworks": 1.6, "stray_animal": 0.6,
    "street_drinking": 1.6, "suspected_dealing": 1.0, "assault_in_public": 0.5,
    "damaged_shelter": 2.2, "onboard_damage": 0.8, "missile_thrown": 0.5, "door_interference": 0.8,
    "onboard_incivility": 1.5,
    "staff_abuse": 0.5, "unsafe_access": 0.5, "school_surroundings": 1.5, "school_defect": 1.0,
}  # fmt: skip
RARE = 0.3

_GATHERING: dict[AnchorKind, float] = {"square": 0.6, "residence": 0.3, "stop": 0.1}
_HOUSING: dict[AnchorKind, float] = {"residence": 1.0}
_WASTE: dict[AnchorKind, float] = {"residence": 0.5, "street": 0.35, "square": 0.15}
_AROUND: dict[str, dict[AnchorKind, float]] = {
    "cleanliness": _WASTE,
    "street": {"street": 0.75, "square": 0.15, "stop": 0.1},
    "building": _HOUSING,
    "vehicles": {"street": 0.6, "residence": 0.4},
    "tranquillity": _GATHERING,
    "transport": {"stop": 1.0},
    "services": {"residence": 0.5, "street": 0.5},
    "schools": {"school": 1.0},
}
_AROUND_CATEGORY: dict[str, dict[AnchorKind, float]] = {
    "thrown_waste": _HOUSING,
    "hall_occupation": _HOUSING,
    "damaged_playground": {"square": 0.7, "residence": 0.3},
    "obstructive_parking": {"street": 0.6, "school": 0.2, "stop": 0.2},
    "graffiti": {"square": 0.3, "stop": 0.3, "street": 0.25, "residence": 0.15},
    "dangerous_riding": {"square": 0.7, "street": 0.3},
}

# Things and places only, and each says that it is made up.
_TEXTS: dict[str, tuple[str, ...]] = {
    "cleanliness": ("matelas et cartons au pied de l'immeuble", "conteneurs pleins depuis deux jours", "sacs éventrés"),
    "street": ("trou profond au milieu de la chaussée", "lampadaire éteint depuis une semaine", "dalle descellée"),
    "building": ("porte d'entrée qui ne ferme plus", "ascenseur bloqué", "hall dans le noir"),
    "vehicles": ("pneus à plat, vitres cassées", "passage piéton bloqué", "moteurs et passages à vive allure"),
    "tranquillity": ("bruit tard le soir", "détritus laissés sur place", "bruit sous les fenêtres"),
    "transport": ("vitre de l'abri brisée", "banc arraché", "horaires illisibles"),
    "services": ("accès encombré", "accès des secours bloqué"),
    "schools": ("barrière tordue devant l'entrée", "éclairage en panne devant l'établissement"),
}
LABEL = "Démonstration : "


def frequency(category: Category) -> float:
    """How often a category is reported, relative to the others."""
    return FREQUENCY.get(category.code, RARE)


def around(category: Category) -> dict[AnchorKind, float]:
    """What a category is seen around, with weights that sum to 1."""
    return _AROUND_CATEGORY.get(category.code) or _AROUND.get(category.theme) or {"street": 1.0}


def texts(category: Category) -> tuple[str, ...]:
    """Short texts for the reports of a category."""
    return tuple(LABEL + text for text in _TEXTS.get(category.theme, ()))
