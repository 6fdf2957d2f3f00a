"""Documents on paper and as PDF: templates for Typst, filled with what is to be said as data, never as source.

Every PDF is PDF/UA-1 (ISO 14289-1): tagged, with its language, titles and alternative texts, and fonts within. The same
data gives the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path

import typst

HERE = Path(__file__).parent


def typeset(template: str, inputs: Mapping[str, str]) -> bytes:
    """The PDF of `template` (a file of this folder), which reads `inputs` as `sys.inputs`."""
    pdf: bytes = typst.compile(
        str(HERE / template),
        root=str(HERE),
        format="pdf",
        sys_inputs=dict(inputs),
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
    )
    return pdf
