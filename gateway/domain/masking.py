"""What may be shown of a name to somebody who is not known to be its bearer."""

MASK = "•••"


def masked_name(name: str) -> str:
    """The first letter of each word, whatever its length: masked_name("Nguyễn Thị Lan") is "N••• T••• L•••".

    Enough for a payer to see that it is the right bill, and too little to learn a name from.
    """
    return " ".join(word[0] + MASK for word in name.split())
