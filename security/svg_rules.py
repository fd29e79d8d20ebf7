"""What an SVG may hold: the allow-lists of the sanitizer (SVG 2, Filter Effects, Masking and CSS names).

Names are case-sensitive as in XML, so `onLoad` and `SCRIPT` are simply not on a list. What an HTML parser would make of
the same bytes is covered as well: no name listed here leaves the SVG namespace or runs anything when inlined in a page.
"""

import re

SVG_NS = "http://www.w3.org/2000/svg"
XLINK_NS = "http://www.w3.org/1999/xlink"
XML_NS = "http://www.w3.org/XML/1998/namespace"
RDF_NS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
CC_NS = "http://creativecommons.org/ns#"
DC_NS = "http://purl.org/dc/elements/1.1/"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


EDITOR_NAMESPACES = frozenset(
    (
        "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
        "http://www.inkscape.org/namespaces/inkscape",
        "http://www.bohemiancoding.com/sketch/ns",
        "http://www.figma.com/figma/ns",
        "http://www.serif.com/",
        "https://boxy-svg.com",
        "http://svgjs.com/svgjs",
        "http://krita.org/namespaces/svg/krita",
        "http://web.resource.org/cc/",
        "http://purl.org/dc/terms/",
        "http://www.w3.org/2000/01/rdf-schema#",
        "adobe:ns:meta/",
        RDF_NS,
        CC_NS,
        DC_NS,
    )
)
"""Vocabularies that no browser acts on; with ADOBE they may stay where all metadata may."""
ADOBE = "http://ns.adobe.com/"

ANIMATIONS = _names("animate animateColor animateMotion animateTransform set")

ELEMENTS = ANIMATIONS | _names(
    """
    a circle clipPath defs desc ellipse feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix
    feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR
    feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile
    feTurbulence filter flowPara flowRegion flowRoot flowSpan g image line linearGradient marker mask metadata mpath
    path pattern polygon polyline radialGradient rect stop style svg switch symbol text textPath title tspan use view
    """
)

TEXT_ONLY = frozenset(("title", "desc", "style"))
"""An HTML parser reads the children of `title` and `desc` as HTML: they keep their text alone."""

PRESENTATION = _names(
    """
    alignment-baseline baseline-shift clip clip-path clip-rule color color-interpolation color-interpolation-filters
    color-rendering cursor cx cy d direction display dominant-baseline enable-background fill fill-opacity fill-rule
    filter flood-color flood-opacity font font-family font-feature-settings font-kerning font-size font-size-adjust
    font-stretch font-style font-variant font-variant-ligatures font-variation-settings font-weight
    glyph-orientation-horizontal glyph-orientation-vertical height image-rendering inline-size isolation kerning
    letter-spacing lighting-color line-height marker marker-end marker-mid marker-start mask mask-type mix-blend-mode
    opacity overflow paint-order pointer-events r rx ry shape-inside shape-margin shape-padding shape-rendering
    shape-subtract stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin
    stroke-miterlimit stroke-opacity stroke-width text-align text-anchor text-decoration text-decoration-color
    text-decoration-fill text-decoration-line text-decoration-stroke text-decoration-style text-indent text-orientation
    text-overflow text-rendering text-transform transform transform-box transform-origin unicode-bidi vector-effect
    visibility white-space width will-change word-spacing writing-mode x y
    """
)
"""Attributes that are CSS properties as well (SVG 2, Property Index), with those that drawing programs write."""

GEOMETRY = _names(
    """
    amplitude azimuth baseFrequency bias clipPathUnits diffuseConstant divisor dx dy edgeMode elevation exponent
    filterRes filterUnits fr fx fy gradientTransform gradientUnits in in2 intercept k1 k2 k3 k4 kernelMatrix
    kernelUnitLength lengthAdjust limitingConeAngle markerHeight markerUnits markerWidth maskContentUnits maskUnits
    method mode numOctaves offset operator order orient pathLength patternContentUnits patternTransform patternUnits
    points pointsAtX pointsAtY pointsAtZ preserveAlpha preserveAspectRatio primitiveUnits radius refX refY result
    rotate scale seed side slope spacing specularConstant specularExponent spreadMethod startOffset stdDeviation
    stitchTiles surfaceScale tableValues targetX targetY textLength type values viewBox x1 x2 xChannelSelector y1 y2
    yChannelSelector z
    """
)

ANIMATABLE = PRESENTATION | (GEOMETRY - {"type"})
"""What SMIL may set: never a link, a style sheet, a class or a handler."""

TIMING = _names(
    """
    accumulate additive attributeName attributeType begin by calcMode dur end fill from keyPoints keySplines keyTimes
    max min origin path repeatCount repeatDur restart to
    """
)

WORDS = _names(
    """
    baseProfile class contentStyleType focusable id lang media rel
    requiredExtensions requiredFeatures role systemLanguage tabindex target title version viewTarget zoomAndPan
    """
)

ATTRIBUTES = PRESENTATION | GEOMETRY | TIMING | WORDS

PLAIN_TEXT = WORDS | {"begin", "end"}
"""Attributes that are never read as CSS: their brackets and backslashes mean nothing."""

STYLE_PROPERTIES = PRESENTATION | _names(
    """
    animation animation-delay animation-direction animation-duration animation-fill-mode animation-iteration-count
    animation-name animation-play-state animation-timing-function background-color border-radius color-scheme
    -webkit-animation -webkit-animation-delay -webkit-animation-duration -webkit-animation-iteration-count
    -webkit-animation-name -webkit-animation-timing-function font-optical-sizing font-palette font-synthesis
    font-variant-alternates font-variant-caps font-variant-east-asian font-variant-numeric font-variant-position
    -webkit-font-smoothing -moz-osx-font-smoothing forced-color-adjust mask-border mask-clip mask-composite
    mask-image mask-mode mask-origin mask-position mask-repeat mask-size max-height max-width min-height min-width
    -webkit-mask -webkit-mask-image offset offset-anchor offset-distance offset-path offset-rotate perspective
    perspective-origin print-color-adjust rotate scale shape-image-threshold solid-color solid-opacity text-shadow
    text-align-last tab-size -webkit-text-fill-color -webkit-text-stroke touch-action transform-style -webkit-transform
    -webkit-transform-origin backface-visibility transition transition-delay transition-duration transition-property
    transition-timing-function translate user-select -webkit-user-select -moz-user-select -ms-user-select
    vertical-align word-break word-wrap overflow-wrap
    -inkscape-font-specification -inkscape-stroke content
    """
)

FONT_DESCRIPTORS = _names(
    """
    ascent-override descent-override font-display font-family font-feature-settings font-stretch font-style
    font-variant font-variation-settings font-weight line-gap-override size-adjust src unicode-range
    """
)

FUNCTIONS = _names(
    """
    calc clamp max min var env
    color color-mix device-cmyk hsl hsla hwb icc-color lab lch light-dark oklab oklch rgb rgba
    matrix matrix3d perspective rotate rotate3d rotatex rotatey rotatez scale scale3d scalex scaley scalez skew skewx
    skewy translate translate3d translatex translatey translatez
    blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia
    circle ellipse inset path polygon ray rect xywh
    cubic-bezier linear steps
    conic-gradient linear-gradient radial-gradient repeating-linear-gradient repeating-radial-gradient
    """
)
"""CSS functions that load nothing; `url` has a rule of its own, and `image-set`, `src`, `attr` are not here."""

FONT_FUNCTIONS = frozenset(("format", "local", "tech"))

TEXT_CONTENT = frozenset(("text", "flowRoot", "title", "desc", "style", "metadata"))
"""Where characters mean something; between shapes they are never drawn."""

FOREIGN_ATTRIBUTES_REFUSED = re.compile(r"on|(?:style|href|src|srcset|srcdoc|data|action|formaction|is|slot)$", re.I)
"""Unprefixed attributes that HTML acts on whatever the element; an editor's own element may have any other."""


def is_editor_namespace(uri: str) -> bool:
    """Whether names of this namespace are a drawing program's own notes or a description of the work."""
    return uri in EDITOR_NAMESPACES or uri.startswith(ADOBE)


def is_word(attribute: str) -> bool:
    """Attributes for readers and scripts elsewhere, which nothing here acts on."""
    return attribute in WORDS or attribute.startswith(("aria-", "data-"))
