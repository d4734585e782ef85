from imgassets.learning.search.tokens import Vocabulary

TEXTS = ["Red checked shirts", "Blue shirt", "Shirting in red", "Skirt"]


def test_a_text_is_the_tokens_that_were_seen() -> None:
    known = Vocabulary.of(TEXTS)
    assert known.numbers("red shirt") == known.numbers("SHIRTS, red!")
    assert known.numbers("") == known.numbers("青い") == []
    assert len(known) == len(set(known.tokens))


def test_a_misspelt_word_shares_pieces_but_is_unknown() -> None:
    known = Vocabulary.of(TEXTS)
    assert set(known.numbers("shirrt")) & set(known.numbers("shirt"))
    assert known.unknown("a red shirrt in 青い") == ["a", "shirrt", "青い"]


def test_the_most_frequent_tokens_are_kept() -> None:
    assert Vocabulary.of(TEXTS, most=1).tokens == ("=shirt",)


def test_one_vocabulary_whatever_the_order_of_texts() -> None:
    assert Vocabulary.of(TEXTS).tokens == Vocabulary.of(reversed(TEXTS)).tokens
