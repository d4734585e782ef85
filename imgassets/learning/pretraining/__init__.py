"""How the embedded backbone is trained: ``python -m imgassets.learning.pretraining``.

Pictures of goods are rendered (:mod:`.rendering`), joined with photographs that lie in folders by
kind (:mod:`.photos`), varied (:mod:`.augmentation`) and learned (:mod:`.training`). The trunks are
folded into one file (:mod:`.export`), which is described by a card (:mod:`.card`).
"""
