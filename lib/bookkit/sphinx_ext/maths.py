"""Mathematics as native MathML, made from TeX when the book is built: no script, no request, nothing to wait for.

latex2mathml does the parsing. What follows it mends what browsers' MathML Core lacks (bold and script letters as
attributes, column alignment) and what TeX does by itself (upright functions, thin spaces beside them).
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
STYLES = {
    "bold": "BOLD",
    "italic": "ITALIC",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "script": "SCRIPT",
    "bold-script": "BOLD SCRIPT",
    "fraktur": "FRAKTUR",
    "sans-serif": "SANS-SERIF",
    "bold-sans-serif": "SANS-SERIF BOLD",
    "monospace": "MONOSPACE",
}
ALIGNED = "aligned|alignedat|align|split|eqnarray"
STACKED = "gathered|gather|multline"
ACCENTS = {"^": "\u02c6", "\u007e": "\u02dc", "\u00af": "\u00af", "\u2015": "\u00af"}
PRIMES = set("\u2032\u2033\u2034")
SPACES = {"negativethinmathspace": "-0.167em"}

logger = logging.getLogger(__name__)


class MathsError(ValueError):
    """TeX that cannot be typeset."""


def mathml(tex: str, display: bool = False) -> str:
    """MathML for a piece of TeX.

    Args:
        tex: TeX without dollar signs; aligned environments are allowed.
        display: typeset on a line of its own.

    Raises:
        MathsError: the TeX holds a command or an environment that is not known.
    """
    prepared = _prepare(tex)
    try:
        text = convert(prepared, display="block" if display else "inline")
        # A letter written as a character reference was set upright by \mathrm; a plain one is to be slanted.
        text = re.sub(r"<mi>(&#x000[4-7][0-9A-F];)</mi>", r'<mi mathvariant="normal">\1</mi>', text)
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise MathsError(f"maths not understood, an environment or an '&' is out of place: {tex!r}") from None
    except Exception as error:
        raise MathsError(f"maths not understood ({type(error).__name__} {error}): {tex!r}") from None
    for element in root.iter():
        element.tag = element.tag.removeprefix("{" + NAMESPACE + "}")
    for element in list(root.iter()):
        _mend(element, tex)
    for element in list(root.iter()):
        _lower_prime(element)
    for element in list(root.iter()):
        _join_upright(element)
    for element in list(root.iter()):
        _space_functions(element)
    root.set("xmlns", NAMESPACE)
    root.set("alttext", " ".join(tex.split()))
    return ElementTree.tostring(root, encoding="unicode")


def _prepare(tex: str) -> str:
    tex = re.sub(r"(?<!\\)%.*", "", tex).strip()
    braces = re.findall(r"(?<!\\)[{}]", tex)
    if braces.count("{") != braces.count("}"):
        raise MathsError(f"maths with an unbalanced brace: {tex!r}")
    tex = re.sub(r"\\label\s*\{[^}]*\}|\\nonumber|\\notag", "", tex)
    tex = re.sub(r"\\(begin|end)\{equation\*?\}", "", tex)
    tex = re.sub(rf"\\(begin|end)\{{({ALIGNED})\*?\}}", r"\\\1{align*}", tex)
    tex = re.sub(rf"\\begin\{{({STACKED})\*?\}}", r"\\begin{array}{c}", tex)
    tex = re.sub(rf"\\end\{{({STACKED})\*?\}}", r"\\end{array}", tex)
    tex = re.sub(r"\\operatorname\s*\*?\s*\{([^}]*)\}", lambda m: r"\mathrm{" + m[1] + "}", tex)
    tex = re.sub(r"\\bm\b", r"\\boldsymbol", tex)
    if r"\\" in tex and r"\begin" not in tex:
        tex = r"\begin{align*}" + tex + r"\end{align*}"
    return tex


def _mend(element: ElementTree.Element, tex: str) -> None:
    text = element.text or ""
    if element.tag in {"mi", "mo", "mn", "mtext"}:
        if "\\" in text or (element.tag != "mtext" and text == "&"):
            raise MathsError(f"maths command {text} is not known: {tex!r}")
        variant = element.get("mathvariant", "normal")
        if variant != "normal":
            element.attrib.pop("mathvariant")
            element.text = "".join(styled(character, STYLES.get(variant, "")) for character in text)
        if element.tag == "mi" and len(text) == 1 and ("\u0391" <= text <= "\u03a9" or text in "%#\u221e\u2205"):
            element.set("mathvariant", "normal")
        if element.tag == "mo" and len(text) > 1 and text.isalpha():
            element.tag = "mi"
            element.attrib.clear()
    if element.tag == "mspace":
        element.set("width", SPACES.get(element.get("width", "0"), element.get("width", "0")))
    if element.tag in {"mover", "munder"} and len(element) == 2 and (element[1].text or "") in ACCENTS:
        element.set("accent", "true")
        element[1].text = ACCENTS[element[1].text or ""]
    if element.tag == "mtable":
        for name in ("rowspacing", "columnspacing"):
            element.attrib.pop(name, None)
        if element.get("displaystyle") == "true":
            element.set("class", "aligned")
    if element.tag == "mtd" and (side := element.attrib.pop("columnalign", None)) and side != "center":
        element.set("class", side)


def styled(character: str, style: str) -> str:
    """The mathematical letter for a plain one: MathML Core knows styles as characters only."""
    kind = unicodedata.name(character, "")
    match = re.fullmatch(r"(LATIN|GREEK) (SMALL|CAPITAL) LETTER ([A-Z]+)|DIGIT ([A-Z]+)", kind)
    if not match or not style:
        return character
    tail = f"DIGIT {match[4]}" if match[4] else f"{match[2]} {match[3]}"
    for name in (f"MATHEMATICAL {style} {tail}", f"{style} {tail}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    special = {("DOUBLE-STRUCK", "N"): "ℕ", ("DOUBLE-STRUCK", "R"): "ℝ", ("DOUBLE-STRUCK", "Z"): "ℤ"}
    return special.get((style, match[3] or ""), character)


def _lower_prime(element: ElementTree.Element) -> None:
    """Put a prime at the height of its letter: the font draws it raised already, and browsers would raise it twice."""
    if element.tag not in {"msup", "msubsup"} or not set(element[-1].text or " ") <= PRIMES or len(element[-1]):
        return
    base, prime = element[0], element[-1]
    marked = ElementTree.Element("mrow")
    mark = ElementTree.SubElement(marked, "mo", {"lspace": "0", "rspace": "0"})
    mark.text = prime.text
    marked.insert(0, base)
    element.remove(prime)
    element[0] = marked
    element.tag = "msub" if len(element) == 2 else "mrow"


def _join_upright(element: ElementTree.Element) -> None:
    """Make one word of the letters of \\mathrm{word}: browsers would space and slant them as variables."""
    for index in range(len(element) - 1, 0, -1):
        left, right = element[index - 1], element[index]
        if all(part.tag == "mi" and part.get("mathvariant") == "normal" for part in (left, right)):
            letters = (left.text or "") + (right.text or "")
            if letters.isalnum() and letters.isascii():
                left.text = letters
                element.remove(right)


def _space_functions(element: ElementTree.Element) -> None:
    """Put TeX's thin space between a function's name and the letters and numbers beside it."""
    if element.tag in {"msub", "msup", "msubsup", "munder", "mover", "munderover", "mfrac", "mroot", "mtr", "mtable"}:
        return
    index = 1
    while index < len(element):
        left, right = element[index - 1], element[index]
        if (_is_function(left) and _is_operand(right)) or (_is_operand(left) and _is_function(right)):
            element.insert(index, ElementTree.Element("mspace", {"width": "0.167em"}))
            index += 1
        index += 1


def _head(element: ElementTree.Element) -> ElementTree.Element:
    while element.tag in {"msub", "msup", "msubsup", "munder", "mrow"} and len(element):
        element = element[0]
    return element


def _is_function(element: ElementTree.Element) -> bool:
    head = _head(element)
    return head.tag == "mi" and len(head.text or "") > 1 and (head.text or "").isascii()


def _is_operand(element: ElementTree.Element) -> bool:
    return _head(element).tag in {"mi", "mn", "mfrac", "msqrt", "mover", "mtext"} and bool(
        (_head(element).text or "").strip() or len(_head(element))
    )


def _typeset(translator: Any, node: nodes.Element, display: bool) -> str:
    try:
        return mathml(node.astext(), display)
    except MathsError as error:
        logger.warning(str(error), location=node, type="book", subtype="maths")
        return f"<code>{html.escape(node.astext())}</code>"


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write an inline formula."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    translator.body.append(_typeset(translator, node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a displayed formula with its number."""
    translator.body.append(translator.starttag(node, "div", "", CLASS="math notranslate nohighlight"))
    translator.body.append('<div class="math-scroll">' + _typeset(translator, node, display=True) + "</div>")
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer under the name `mathml`."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
