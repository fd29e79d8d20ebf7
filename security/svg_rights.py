"""The rights a drawing states in `<metadata>` (RDF, Creative Commons), reduced to the statements themselves."""

from security.svg_rules import CC_NS, DC_NS, RDF_NS
from security.svg_writer import Prefixes, Writer

RIGHTS = f"{{{DC_NS}}}rights"
LICENSE = f"{{{CC_NS}}}license"
RESOURCE = f"{{{RDF_NS}}}resource"
WRITTEN = frozenset((f"{{{RDF_NS}}}RDF", f"{{{CC_NS}}}Work", RIGHTS, LICENSE))


class Rights:
    """Listens to what is inside `<metadata>`; writes a short one anew."""

    def __init__(self) -> None:
        self.lossy = False
        """Whether there was anything beside rights."""
        self._owners: list[str] = []
        self._licenses: list[str] = []
        self._depth = 0
        self._text = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.lossy |= tag not in WRITTEN
        if self._depth or tag == RIGHTS:
            self._depth += 1
        if tag == LICENSE and attributes.get(RESOURCE):
            self._licenses.append(attributes[RESOURCE])

    def data(self, text: str) -> None:
        if self._depth:
            self._text += text

    def end(self) -> None:
        if not self._depth:
            return
        self._depth -= 1
        if not self._depth:
            self._owners += [" ".join(self._text.split())] if self._text.strip() else []
            self._text = ""

    def __bool__(self) -> bool:
        return bool(self._owners or self._licenses)

    def write(self, writer: Writer, prefixes: Prefixes) -> None:
        """The statements in the form that drawing programs read."""
        for name in ("metadata", prefixes.qualify(RDF_NS, "RDF"), prefixes.qualify(CC_NS, "Work")):
            writer.start(name, ())
        for owner in self._owners:
            writer.start(prefixes.qualify(DC_NS, "rights"), ())
            writer.text(owner)
            writer.end()
        for license in self._licenses:
            writer.start(prefixes.qualify(CC_NS, "license"), [(prefixes.qualify(RDF_NS, "resource"), license)])
            writer.end()
        for _ in range(3):
            writer.end()
