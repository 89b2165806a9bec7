"""Texts as field agents write them, and what in each looks like a person. For the tests of the server and of the form.

Each line: the kinds that a careful reader would point out, then the text. `-`: nothing. `!` before the text: the rules
are known to get it wrong (decision 29 counts these); tests hold the rules to that too, so that a change is seen.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A text, the kinds it holds, and whether the rules are known to get it wrong."""

    text: str
    kinds: frozenset[str]
    missed: bool


_LINES = """
email    Me joindre : jean.dupont@example.org
email    contact@syndic-demo.fr pour les clés
email    ecrire a k.benali80@exemple.com svp
email    voir avec gardien.tour-b@bailleur.example.fr
email    marie (at) exemple.fr
email    marie.curie arobase exemple point fr
email    mail du voisin paul_b @ exemple.fr
email    MARIE.DURAND@EXEMPLE.FR
phone    rappeler au 06 12 34 56 78
phone    tél 0612345678
phone    03.22.00.00.00 pour le code
phone    joindre le 06-12-34-56-78 avant midi
phone    son numéro c'est +33 6 12 34 56 78
phone    +33612345678
phone    0033 6 12 34 56 78
phone    +33 (0)6 12 34 56 78
phone    06 123 456 78
phone    06.12 34 56 78
phone    numéro belge +32 470 12 34 56
phone    07/12/34/56/78
phone    appelez 0 6 12 34 56 78 !
plate    voiture AA-123-AA stationnée devant
plate    Clio immatriculée AB-123-CD
plate    scooter ab-123-cd
plate    plaque AB 123 CD
plate    AB123CD garé sur le trottoir
plate    véhicule épave ab123cd, pneus crevés
plate    épave 123 ABC 80 sans roues
plate    1234 AB 80
plate    456DEF60 brûlée
plate    plaque : 123 abc 02
plate    BMW grise FG-456-HJ et Golf KL-789-MN
plate    immatriculation en 2468 XY 62
plate    DE-300-KG est bien une plaque
plate    camionnette EZ 987 QP en double file
name     Mme Dupont a vu la scène
name     M. Martin du 3e a jeté un meuble
name     Monsieur Benali bloque l'accès
name     mme dupont dit que c'est cassé depuis mardi
name     Mlle Leroy
name     Madame X a appelé
name     c'est M. B. qui fait ça
name     MME LEFEBVRE se plaint
name     Dr Lemaire a été agressé
name     Docteur Petit attaqué devant son cabinet
name     le jeune s'appelle Kevin
name     il se nomme Durand
name     un certain Karim casse les vitres
name     Kevin Martin a tagué le mur
name     Mohamed et Yanis jouent au ballon dans le hall
name     DUPONT Gérard dépose ses encombrants
name     Jean-Pierre a encore crié toute la nuit
name     le fils Benali fait du quad
name     la famille Dubois jette par la fenêtre
name     les frères Traoré dans le hall
name     voisine Martine au courant
name     dénommé Rachid
name     demander à Sandrine
name     signalé par Sylvie
name     Vu avec Nicolas du service propreté
name     Pierre Lefort a cassé la porte
name     Paul D. deale devant l'entrée
name     chez Dubois la fenêtre est cassée
name     chez les Dubois au-dessus
name     surnommé Tonton
name     du nom de Garcia
name     son prénom est Enzo
name     le gardien Lefebvre est prévenu
name     Mme N'Diaye
name     M. D'Almeida
name     Mr Kaddour
name     Fatima a été insultée
name     la fille de Sylvie
name     copain de Mehdi
name     Mmes Roger et Blanc
name     Messieurs Durand et Petit
name     le locataire Moreau
name     bande à Steven
name     se fait appeler Zizou
name     Élodie Caron, assistante sociale
name     Thierry L. alcoolisé
name     Claude Petit
name     Mademoiselle Zoé Lambert
name,phone    Mme Dupont 06 12 34 56 78
name,address  Mme Dupont habite au 12 rue des Jacobins
email,phone   a.b@exemple.fr ou 03 22 12 34 56
name,plate    voiture de Kevin AA-123-AA
address  il habite au 12 rue Saint-Leu
address  l'auteur loge dans l'immeuble d'en face
address  domicilié 4 place Vogel
address  elle réside au 3e étage
address  appartement 34
address  dégâts venant de l'appt 12
address  appt n° 203 porte gauche
address  logement 15 squatté
address  musique forte chez le voisin du 3e étage
address  le locataire du 4e gauche
address  l'occupant du rez-de-chaussée
address  fenêtre du locataire
address  la dame du 2e crie
address  il vit dans le hall
address  porte du voisin taguée
address  les gens du 5ème
address  demeurant rue de la Hotoie
address  apt 7B
look     un homme de type maghrébin
look     individu vêtu d'un jogging
look     cheveux longs et casquette noire
look     âgé de 20 ans environ
look     une vingtaine d'années
look     jeune noir en trottinette
look     d'origine roumaine
look     habillé en noir
look     capuche grise
look     femme blonde, cheveux blonds
name     ! ducon benali toujours là
name     ! c'est encore le petit dupont
name     ! lefebvre a tout vu
name     kevin a cassé la vitre
name     ! Ndiaye est au courant
name     ! rue Kevin Benali toujours dehors
address  ! au 12, deuxième porte, il stocke des motos
look     ! le grand blond à lunettes
phone    zéro six douze trente-quatre cinquante-six soixante-dix-huit
name     madame lefevre du deuxième jette ses sacs
name     le chien de monsieur petit divague
name     M Dubois a appelé ce matin
name     monsieur Da Silva laisse son chien
name     la famille el amrani du 3
phone    06-12-345-678
plate    clio grise fz 123 kl devant le hall
plate    FZ123 KL
plate    FZ.123.KL stationnée
plate    scooter AB‑123‑CD, le tiret d'un téléphone
plate    épave 4567 wx 80 depuis deux mois
-        un monsieur promène son chien sans laisse
-        la madame du 3 se plaint
-        voiture de police devant le 12
-        épave à 4 m, 80 cm de haut
-        Marie sans chemise, horloge arrêtée
-        Paul Claudel, vitrine du centre commercial
-        hall M Rue des Jacobins
-        zéro lampadaire allumé, deux ou trois cassés
-        RN25 ET 80 m plus loin
plate    ! la clio finit par 123 AB
-        Conteneur débordant devant le hall B
-        rue Victor Hugo, trottoir cassé
-        place Léon Gontier, lampadaire éteint
-        Lampadaire n° 12345 éteint rue Jean Jaurès
-        devant l'école Jules Ferry
-        collège Guy Mareschal, tag sur le mur
-        arrêt Pierre Rollin, abri cassé
-        Abri de l'arrêt Jules Verne vandalisé
-        M. le maire est venu voir
-        Mme la directrice est prévenue
-        M. le préfet
-        Monsieur le Maire attend une réponse
-        Madame la Préfète
-        boulevard Maréchal Juin
-        boulevard de Bapaume
-        avenue du Général de Gaulle
-        rue du Docteur Roux
-        rue du Dr Fafet
-        rue de l'Abbé de l'Épée
-        angle rue Robespierre et rue Saint-Fuscien
-        square Saint-Denis
-        Saint-Leu, quai Bélu
-        St Pierre, entrée du parc
-        Gare Saint-Roch
-        parc Saint-Pierre, banc cassé
-        Devant Leroy Merlin, caddies abandonnés
-        Monsieur Bricolage, dépôt de palettes
-        chez Carrefour, chariots
-        chez Lidl parking plein de déchets
-        devant Marie Blachère
-        camion Norbert Dentressangle en double file
-        panneau JCDecaux cassé
-        Renault Clio sans plaques
-        Mercedes brûlée
-        bus 12 vers Étouvie
-        ligne N1 direction Pierre Rollin
-        Nemo 2, arrêt Gare du Nord
-        terminus Collège César Franck
-        résidence Marivaux, ascenseur en panne
-        tour Bleue, 3e étage, lumière du palier
-        Hall 12, porte cassée
-        bâtiment C, entrée 3
-        immeuble Balzac, hall B
-        gymnase Léo Lagrange
-        stade Jean Bouin, projecteur cassé
-        piscine Georges Vallerey
-        bibliothèque Louis Aragon
-        maison de quartier Elbeuf
-        centre social Léo Lagrange
-        ! hôpital, entrée Victor Pauchet
-        rue Alexandre Dumas angle rue Camille Desmoulins
-        Allée Marie Curie
-        la place s'appelle Square Jules Bocquet
-        le square nommé Pierre Marie Saguez
-        le 12 rue des Jacobins, poubelles sorties
-        au 12 de la rue Saint-Leu
-        au 45 bis rue Dejean
-        appeler le 17 si ça recommence
-        numéro 112 affiché
-        vu le 01/02/2026 à 10:30
-        du 01.02.2026 10:30 au 02.02.2026 18h
-        depuis le 12/10/2025
-        entre 22h00 et 02h30
-        environ 100 m de câble
-        PLUS DE 100 KG DE DECHETS
-        plus de 300 ml d'huile
-        trou de 50 cm sur 30 cm
-        D 934 au PR 12
-        RN 25, bretelle
-        RD 1001 sortie 12
-        coordonnées 49.8942, 2.2957
-        poteau 0123
-        armoire électrique A-12-34
-        référence ticket 2026-00123
-        réf. DEC-2026-014
-        candélabre AM 1234
-        Pierre tombée du mur sur le trottoir
-        rose fanée dans le massif, arrosage cassé
-        Bris de verre, verre au sol
-        regroupement bruyant devant le hall
-        cinq personnes dans le hall, musique forte
-        jeunes sur scooters sans casque
-        rodéo motorisé, trois quads
-        Feu de poubelle éteint par les pompiers
-        Chien sans laisse
-        les locataires se plaignent du bruit
-        les habitants demandent un éclairage
-        le gardien est prévenu
-        le voisin a nettoyé
-        la famille ne peut plus passer avec la poussette
-        porte de l'appartement témoin
-        personne en fauteuil bloquée
-        ascenseur en panne, 4 étages
-        Bonjour, merci de passer vite
-        Merci
-        Anse du pont, garde-corps descellé
-        fuite au 3e étage, palier
-        boîtes aux lettres arrachées
-        câble HTA apparent, danger
-        IRIS Étouvie Nord
-        QPV Étouvie
-        TAG sur 5 m, mur de la Cité scolaire
-        Passerelle Lamarck fermée
-        cimetière de la Madeleine
-        chaussée Jules Ferry, nid-de-poule
-        Esplanade Édouard Branly
-        rond-point Charles de Gaulle
-        avenue Louis Blanc vers rue Paul Tellier
-        RUE VICTOR HUGO
-        AVENUE FOCH, FEU EN PANNE
-        lycée Édouard Gand
-        cabinet médical place Alphonse Fiquet
-        pharmacie Lafayette
-        marché couvert, halle au frais
-        Cirque Jules Verne
-        Le panneau à côté de la statue Lucette
-        banc devant la maison de Jules Verne
-        zone industrielle nord, rue de la Croix de Pierre
-        pont Baraban
-        Amiens nord, rue Fernel
-        passage piéton effacé
-        DAE hors service
-        vitrine cassée chez Jules
-        le parking Saint-Acheul
-        cour de l'école Jean Macé
-        cours Jules Vallès
-        Mail Albert 1er
-        trottinette Pony en travers
-        feu tricolore HS depuis 3 jours
-        réside un danger : câble nu
-        ! fenêtre de la personne âgée cassée
-"""


def _case(line: str) -> Case:
    kinds, _gap, text = line.strip().partition(" ")
    text = text.strip()
    missed = text.startswith("! ")
    return Case(text.removeprefix("! "), frozenset() if kinds == "-" else frozenset(kinds.split(",")), missed)


# Written after the rules and never used to improve them: what decision 29 measures on.
_HELD_OUT_LINES = """
email    envoyez les photos à louise_b@exemple.org
email    secretariat@ecole-demo.fr prévenu
email    p.martin[at]exemple.fr
phone    mon portable 07 98 76 54 32
phone    standard 0322123456
phone    tel:0322 12 34 56
phone    +33 3 22 12 34 56
phone    06/12/34/56/78 merci de rappeler
plate    Peugeot 208 GH-234-JK, pneus à plat
plate    remorque WW-123-AB
plate    Twingo bleue plaque FE 654 DC
plate    vieux fourgon 987 QR 80
plate    quad sans plaque mais scooter cd456ef
name     Mme Delattre se plaint du bruit
name     M. Hassan, gérant du bar
name     Jordan L. vend devant le porche
name     ! la mère de Bryan est passée
name     ! Aïssata a prévenu le bailleur
name     Monsieur Nguyen demande un banc
name     ! les enfants Da Silva cassent la porte
name     Appeler Corinne au centre social
name     Vincent Delacroix, agent Ametis, agressé
name     le nommé Tony
name     c'est Mickaël qui a les clés
name     Sabrina m'a dit que l'ascenseur est bloqué
name     Lefèvre Antoine
name     M.Dubois absent
name     mme lecomte
name     Ali et ses copains
name     ! d'après Josette, depuis lundi
name     gardienne Mme Pruvost prévenue
name     Traoré Moussa, 3e étage
name     signé : Abdel
name     chez Mme Roussel
name     Hervé Caron l'a vu
name     Robert fait brûler des palettes
address  il habite le hall d'à côté
address  appartement n°8 au 2e
address  ça vient du logement 41
address  ! les voisins du dessus, 5e gauche
address  chez la dame du rez-de-chaussée
address  la personne de l'appartement 12
address  occupants du 6e droite
look     deux hommes vêtus de noir
look     un barbu avec une capuche noire
look     type africain, la trentaine
look     fille aux cheveux roux
-        Carton et palettes contre le mur du Carrefour City
-        Rue Jean-Marc Laurent, plaque d'égout descellée
-        Trottoir défoncé devant le Crédit Agricole
-        Éclairage HS entre l'arrêt Citadelle et l'arrêt Clémenceau
-        grille tordue, place Marie Harel
-        tag rue André Ternynck
-        Chemin de halage, banc brûlé
-        Panneau stop couché, rue Laurent Fabius
-        Hall 4, résidence Le Pigeonnier
-        Mme la proviseure demande une barrière
-        dépôt de gravats rue Thomas Edison
-        Parvis de la cathédrale, verre cassé
-        Docteur en retard, patients dehors
-        Monsieur et Madame tout-le-monde
-        Borne Tesla en panne
-        Musique forte le samedi de 23h à 2h
-        Abribus, vitre étoilée, quai 2
-        panneau publicitaire Clear Channel ouvert
-        terrain de foot Pierre de Coubertin
-        Passage Auguste Perret, néon grésille
-        école élémentaire Michelis, portail forcé
-        Tour Perret, ascenseur 2
-        fontaine Nicolas Blasset à sec
-        rond point de l'Oncle Sam
-        Allée de l'Île aux Fagots
-        arbre couché avenue Louise Michel
-        barrière du parking Trois Cailloux
-        mobilier cassé devant chez Paul
-        caisse du marché Maurice Kriegel Valrimont
-        12 mètres linéaires de clôture arrachés
-        lampadaires 1045 à 1049 éteints
-        code erreur E-123-AB sur l'ascenseur
-        bus 5, arrêt Dury Le Cèdre
-        depuis 10 jours, 3 passages
-        crottes de chien, école Notre-Dame
-        le jet d'eau de la place René Goblet
-        Saint Maurice, passerelle fermée
-        vélo Véloam abandonné
-        le locataire a été relogé
-        fuite d'eau dans les caves du 14
"""

CASES = tuple(_case(line) for line in _LINES.strip().splitlines())
HELD_OUT = tuple(_case(line) for line in _HELD_OUT_LINES.strip().splitlines())
