"""CSS reduced to an allow-list of properties, functions and addresses (CSS Syntax Level 3, tokenized by tinycss2).

What leaves is written anew from tokens, so escapes, comments and odd spellings are gone before anything is compared.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import tinycss2

from exceptions import ImageLimitExceeded
from security.svg_links import Word, is_font, is_fragment, is_raster, refusal
from security.svg_rules import FONT_DESCRIPTORS, FONT_FUNCTIONS, FUNCTIONS, STYLE_PROPERTIES

Report = Callable[[Word], None]
T = TypeVar("T")

MAX_NESTING = 16
SIMPLE = re.compile(
    r"(?i:matrix|translate|scale|rotate|skew[xy]|rgba?|hsla?)\([-+0-9.,%eE\s]*\)|url\(#[A-Za-z0-9_.:-]+\)"
)
INERT = frozenset(("charset", "namespace"))
GROUPS = frozenset(("media", "supports", "layer", "keyframes", "-webkit-keyframes", "-moz-keyframes"))
INTRICATE = re.compile(r"[\\\"'{}\[\]/@<]|--|\([^)]*[;(]")
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
SHORT, REMEMBERED = 200, 4096


class Budget:
    """Characters of style that may still be tokenized in one file, which takes some two seconds a million."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0

    def spend(self, count: int) -> None:
        """Pay for so many. Raises ImageLimitExceeded."""
        self.spent += count
        if self.spent > self.limit:
            raise ImageLimitExceeded(
                f"the SVG has more than {self.limit:,} characters of intricate style",
                limit=self.limit,
                actual=self.spent,
            )


class Css:
    """The style of one drawing, written anew from an allow-list. Raises ImageLimitExceeded when the budget is spent."""

    def __init__(self, report: Report, budget: Budget) -> None:
        self._report = report
        self._spend = budget.spend
        self._refusals: dict[str, Word | None] = {}
        self._cleaned: dict[str, tuple[str, tuple[Word, ...]]] = {}

    def refusal(self, value: str) -> Word | None:
        """Why a CSS value may not stay, or None: without brackets and backslashes it can load nothing."""
        if "(" not in value and "\\" not in value:
            return None
        return _remembered(self._refusals, value, self._refusal)

    def _refusal(self, value: str) -> Word | None:
        rest = SIMPLE.sub("", value)
        if "(" not in rest and "\\" not in rest:
            return None
        self._spend(len(value))
        return _tokens_refusal(tinycss2.parse_component_value_list(value))

    def declarations(self, text: str) -> str:
        """A `style` attribute without what may not stay."""
        cleaned, words = _remembered(self._cleaned, text, self._declarations)
        for word in words:
            self._report(word)
        return cleaned

    def _declarations(self, text: str) -> tuple[str, tuple[Word, ...]]:
        words: list[Word] = []
        if not INTRICATE.search(text):
            return self._plain_declarations(text, words.append), tuple(words)
        self._spend(len(text))
        nodes = [node for node in _parse_block(text) if node.type == "declaration"]
        return _only_xml(_write_block(nodes, words.append), words.append), tuple(words)

    def _plain_declarations(self, text: str, report: Report) -> str:
        """The same without a tokenizer, for text without strings, escapes, comments and blocks: nearly all there is."""
        kept = []
        for declaration in text.split(";"):
            name, _, value = declaration.partition(":")
            name, value = name.strip().lower(), value.strip()
            word = self.refusal(value)
            if word:
                report(word)
            elif name in STYLE_PROPERTIES and value:
                kept.append(f"{name}:{value}")
        return ";".join(kept)

    def stylesheet(self, text: str) -> str:
        """A style sheet without what may not stay: plain rules, and the at-rules that group rules or carry a font."""
        self._spend(len(text))
        try:
            nodes = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
            return _only_xml(_write_rules(nodes, self._report, 0), self._report)
        except RecursionError:  # selectors nested thousands deep, which no browser applies either
            self._report(Word.STYLE)
            return ""


def _remembered(memory: dict[str, T], text: str, judge: Callable[[str], T]) -> T:
    """The judgement of a short text, made once: drawings repeat themselves."""
    if text in memory:
        return memory[text]
    judgement = judge(text)
    if len(text) < SHORT and len(memory) < REMEMBERED:
        memory[text] = judgement
    return judgement


def _tokens_refusal(tokens: Iterable[Any], font: bool = False, depth: int = 0) -> Word | None:
    """The first reason against any of the tokens."""
    if depth > MAX_NESTING:
        return Word.STYLE
    return next((word for token in tokens if (word := _token_refusal(token, font, depth))), None)


def _token_refusal(token: Any, font: bool, depth: int) -> Word | None:
    match token.type:
        case "url":
            return _address_refusal(token.value, font)
        case "function" if token.lower_name == "url":
            inner = [part for part in token.arguments if part.type != "whitespace"]
            plain = len(inner) == 1 and inner[0].type == "string"
            return _address_refusal(inner[0].value, font) if plain else Word.EXTERNAL_REFERENCE
        case "function":
            if token.lower_name not in (FONT_FUNCTIONS if font else FUNCTIONS):
                return Word.EXTERNAL_REFERENCE
            return _tokens_refusal(token.arguments, font, depth + 1)
        case "() block" | "[] block":
            return _tokens_refusal(token.content, font, depth + 1)
        case "error" | "at-keyword" | "{} block":
            return Word.STYLE
    return None


def _address_refusal(address: str, font: bool) -> Word | None:
    address = address.strip()
    allowed = is_font(address) if font else is_fragment(address) or is_raster(address)
    return None if allowed else refusal(address)


def _only_xml(css: str, report: Report) -> str:
    """Nothing, where CSS escapes stand for characters that XML has no way to write."""
    if NOT_XML.search(css):
        report(Word.STYLE)
        return ""
    return css


def _parse_block(content: Any) -> list[Any]:
    found: list[Any] = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    return found


def _write_rules(nodes: Iterable[Any], report: Report, depth: int) -> str:
    return "".join(_write_rule(node, report, depth) for node in nodes)


def _write_rule(node: Any, report: Report, depth: int) -> str:
    if depth > MAX_NESTING or node.type not in ("qualified-rule", "at-rule"):
        return ""
    if node.type == "at-rule":
        return _write_at_rule(node, report, depth)
    if not _plain_prelude(node.prelude):
        report(Word.STYLE)
        return ""
    body = _write_block(_parse_block(node.content), report, depth=depth + 1)
    return f"{_text(node.prelude)}{{{body}}}" if body else ""


def _write_at_rule(node: Any, report: Report, depth: int) -> str:
    name = node.lower_at_keyword
    if name in INERT:
        return ""
    if name == "font-face" and node.content is not None:
        body = _write_block(_parse_block(node.content), report, font=True)
        return f"@font-face{{{body}}}" if "src:" in body else ""
    if name not in GROUPS or node.content is None or not _plain_prelude(node.prelude):
        report(Word.EXTERNAL_REFERENCE if name == "import" else Word.STYLE)
        return ""
    rules = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
    body = _write_rules(rules, report, depth + 1)
    return f"@{name} {_text(node.prelude)}{{{body}}}" if body else ""


def _plain_prelude(tokens: Iterable[Any]) -> bool:
    """Whether a selector or condition names no address."""
    return not any(
        token.type in ("url", "error", "at-keyword") or (token.type == "function" and token.lower_name == "url")
        for token in tokens
    )


def _write_block(nodes: Iterable[Any], report: Report, font: bool = False, depth: int = 0) -> str:
    """Declarations joined by semicolons, with nested rules after them."""
    kept = []
    for node in nodes:
        if node.type == "declaration":
            kept.append(_write_declaration(node, report, font))
        elif node.type in ("qualified-rule", "at-rule") and not font:
            kept.append(_write_rule(node, report, depth + 1))
    return ";".join(part for part in kept if part)


def _write_declaration(node: Any, report: Report, font: bool) -> str:
    name = node.name if node.name.startswith("--") else node.lower_name
    if not (name in (FONT_DESCRIPTORS if font else STYLE_PROPERTIES) or (name.startswith("--") and not font)):
        if _tokens_refusal(node.value):
            report(Word.EXTERNAL_REFERENCE)
        return ""
    if word := _tokens_refusal(node.value, font):
        report(word)
        return ""
    value, ending = _text(node.value), " !important" if node.important else ""
    return f"{_ident(name)}:{value}{ending}" if value or name.startswith("--") else ""


def _ident(name: str) -> str:
    written: str = tinycss2.ast.IdentToken(0, 0, name).serialize()
    return written


def _text(tokens: Iterable[Any]) -> str:
    """The tokens as CSS again, comments reduced to what keeps their neighbours apart."""
    return str(tinycss2.serialize([token for token in tokens if token.type != "comment"])).strip()
