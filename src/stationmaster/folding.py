"""Names and addresses as they are compared. Owns: the one folded form, so that no two spellings of a name are two people."""

import unicodedata

_PASSES = 4      # of folding, until it changes nothing any more: two are enough for all that Unicode 15 has


def fold(text: str) -> str:
    """`text` as it is compared: without space around it, in Unicode's NFKC form, case-folded, without characters that
    show nothing (category Cf). Folding what is folded changes nothing (after Unicode's toNFKC_Casefold, UAX #31 and the
    Unicode Standard section 3.13)."""
    if text.isascii():
        return text.casefold().strip()      # ASCII has no other form, and none of Cf
    for _ in range(_PASSES):
        folded = _once(text)
        if folded == text:
            break
        text = folded
    return text


def _once(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(mark for mark in folded if unicodedata.category(mark) != "Cf").strip()
