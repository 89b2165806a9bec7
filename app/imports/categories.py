"""Somebody else's words → our categories: a proposal by similarity, which a person then corrects."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

from app.nomenclature.store import Nomenclature

# Beginnings of words without accents, in French and English, that say what a row is about. The longer weighs more.
WORDS: dict[str, tuple[str, ...]] = {
    "fly_tipping": (
        "depot sauvage",
        "depots sauvages",
        "decharge",
        "dechet",
        "ordure",
        "gravats",
        "dumping",
        "rubbish",
    ),
    "bulky_waste": ("encombrant", "objet abandonne", "objets abandonnes", "matelas", "meuble", "bulky"),
    "overflowing_bin": ("poubelle", "corbeille", "conteneur", "container", "debord", "overflow", "trash bin", "bin"),
    "thrown_waste": ("jet par", "jets par", "par la fenetre", "par les fenetres"),
    "fouling": ("dejection", "excrement", "urine", "fiente", "fouling", "crotte"),
    "graffiti": ("graffiti", "tag", "tags", "inscription"),
    "fly_posting": ("affich", "autocollant", "sticker", "poster"),
    "pests": ("nuisible", "rats", "rat", "rongeur", "cafard", "punaise", "blatte", "pest", "pigeon"),
    "pothole": ("nid de poule", "nids de poule", "chaussee", "pothole", "trou", "road surface"),
    "damaged_pavement": ("trottoir", "pavement", "sidewalk", "dalle", "pave", "footway"),
    "street_light_out": ("eclairage", "lampadaire", "candelabre", "street light", "streetlight", "lumiere", "light"),
    "broken_furniture": ("mobilier", "banc", "bench", "furniture", "potelet"),
    "damaged_sign": ("panneau", "signalisation", "marquage", "sign"),
    "neglected_greenery": (
        "espace vert",
        "espaces verts",
        "vegetation",
        "arbre",
        "herbe",
        "pelouse",
        "branche",
        "tree",
    ),
    "damaged_playground": ("aire de jeu", "aires de jeu", "jeux d'enfants", "playground"),
    "blocked_access": ("pmr", "entrave", "obstacle", "barriere", "gene a la circulation", "blocked", "obstruct"),
    "broken_entrance": ("porte", "digicode", "interphone", "controle d'acces", "serrure", "entrance", "door"),
    "lift_out": ("ascenseur", "elevator", "lift"),
    "damaged_letterboxes": ("boite aux lettres", "boites aux lettres", "letterbox", "mailbox"),
    "broken_glass": ("vitre", "vitrage", "carreau", "glass"),
    "hall_light_out": ("eclairage de hall", "eclairage hall", "minuterie", "eclairage des parties communes"),
    "leak": ("fuite", "infiltration", "degat des eaux", "leak", "inondation"),
    "bin_room": ("local poubelle", "locaux poubelle", "vide-ordure", "local dechet"),
    "cellar_car_park": ("cave", "parking", "sous-sol", "cellar", "garage", "car park"),
    "wreck": ("epave", "ventouse", "wreck", "abandoned vehicle", "vehicule abandonne"),
    "obstructive_parking": ("stationnement", "illegal parking"),
    "dangerous_riding": ("rodeo", "quad", "joyriding"),
    "street_mechanics": ("mecanique",),
    "hall_occupation": ("occupation de hall", "occupation", "squat"),
    "noisy_gathering": ("regroupement", "attroupement", "rassemblement", "gathering"),
    "noise": ("bruit", "tapage", "nuisance sonore", "nuisances sonores", "noise"),
    "fire": ("incendie", "feu de", "brul", "fire"),
    "fireworks": ("artifice", "mortier", "petard", "firework"),
    "stray_animal": ("divag", "animal errant", "chien", "stray", "dog"),
    "street_drinking": ("alcool", "ivresse", "drinking"),
    "suspected_dealing": ("trafic", "stupefiant", "drogue", "dealing"),
    "assault_in_public": ("agression", "vol avec", "assault", "robbery"),
    "damaged_shelter": ("abribus", "abri voyageur", "abri bus", "arret de bus", "shelter"),
    "onboard_damage": ("degradation a bord", "onboard"),
    "missile_thrown": ("projectile", "caillassage", "jet de pierre"),
    "onboard_incivility": ("incivilite",),
    "staff_abuse": ("violence envers", "menace envers", "agent agresse"),
    "school_surroundings": ("abords de l'ecole", "abords du college", "abords d'etablissement"),
}
_ALIKE = 0.72
_SHORT = 5
_LETTERS = re.compile(r"[^a-z0-9' -]+")


def plain(text: str) -> str:
    """Small letters without accents, one space."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return " ".join(_LETTERS.sub(" ", bare.casefold().replace("’", "'").replace("_", " ")).split())


@lru_cache(maxsize=4096)
def _score(text: str, words: tuple[str, ...]) -> float:
    return max((len(word) for word in words if _pattern(word).search(text)), default=0)


@lru_cache(maxsize=1024)
def _pattern(word: str) -> re.Pattern[str]:
    """The word's beginning; a short word whole, or "rat" would be in "ratissage"."""
    return re.compile(rf"\b{re.escape(word)}" + (r"s?\b" if len(word) <= _SHORT else ""))


def propose(cells: tuple[str, ...], nomenclature: Nomenclature) -> str | None:
    """The code of the category that a row with these cells is most likely of; None when nothing speaks for any.

    The last cell says more than the one before it: columns go from the general to the particular.
    """
    best, most = None, 0.0
    for category in nomenclature.categories:
        if not category.active:
            continue
        score = 0.0
        labels = (plain(category.label_fr), plain(category.label_en), plain(category.code))
        for weight, cell in zip((2.0, 1.0), reversed(cells), strict=False):
            text = plain(cell)
            if not text:
                continue
            alike = max(SequenceMatcher(None, text, label).ratio() for label in labels)
            score += weight * (30 * alike if alike >= _ALIKE else 0)
            score += weight * _score(text, WORDS.get(category.code, ()))
        if score > most:
            best, most = category.code, score
    return best
