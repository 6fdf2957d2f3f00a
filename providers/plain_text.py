"""Titles for providers: encoders and signers disagree on all but these characters, so nothing else goes out."""

import re
import unicodedata

_BARRED_D = str.maketrans({"đ": "d", "Đ": "D"})  # letters of their own, which do not decompose
_OTHERS = re.compile(r"[^A-Za-z0-9 ._:-]")


def plain(title: str, length: int = 120) -> str:
    """`title` unaccented, only letters, digits and " ._:-" kept: plain("Lệ phí (hộ chiếu)") == "Le phi ho chieu"."""
    letters = unicodedata.normalize("NFD", title.translate(_BARRED_D))
    return " ".join(_OTHERS.sub("", letters).split())[:length].rstrip()
