"""Which elements of a page are not what it is about: menus, banners, adverts, forms, lists of references.

Told by what authors write for programs (roles, classes, `hidden`), by the share of links, and by the words of
cookie banners. An element that holds half of the page is never one, whatever its class says.
"""

import re
from dataclasses import dataclass

from bbp_cli.documents.formats.html_tree import Element

NEVER_SHOWN = frozenset(
    [
        "head",
        "title",
        "script",
        "style",
        "template",
        "svg",
        "select",
        "datalist",
        "textarea",
        "button",
        "iframe",
        "noscript",
        "object",
        "applet",
        "audio",
        "video",
        "canvas",
        "map",
        "input",
        "dialog",
        "rt",
        "rp",
        "del",
        "noembed",
    ]
)
_ROLES = frozenset(
    [
        "navigation",
        "search",
        "menu",
        "menubar",
        "toolbar",
        "banner",
        "contentinfo",
        "complementary",
        "dialog",
        "alertdialog",
        "tooltip",
        "tablist",
    ]
)
_NAVIGATION = frozenset(("nav", "footer", "aside", "menu"))
_NAME = re.compile(  # of a class, or a whole id, in small letters with hyphens
    r"""(?:[a-z0-9]+-)*?(?:
      cookies? | cookie(?:consent|law|banner|bar|notice) | consent | gdpr | ccpa | onetrust | cookiebot
    | didomi | usercentrics | truste | trustarc | cmp2? | cmpbox | cmplz | klaro | iubenda | osano | borlabs
    | termly | quantcast | sp-message
    | ads? | adverts? | advertisements? | advertising | advertorial | adsense | dfp | sponsor(?:ed|s|ship)?
    | promos? | promoted | taboola | outbrain | partner-content | native-ad | paid-content
    | newsletters? | subscribe | signup | sign-up | paywall | donate | donation
    | share | sharing | sharing-buttons | social | socials | sharedaddy | addtoany | follow-us
    | related | recommended | recommendations | read-(?:more|next|also) | more-(?:stories|news|articles)
    | most-(?:read|popular) | trending
    | nav | navi | navbar | navigation | menus? | submenu | breadcrumbs? | pagination | pager | skip-link
    | toc
    | sidebar | side-bar | masthead | site-(?:header|footer|info) | footer | copyright | colophon
    | comments | comment-respond | comment-form | respond | disqus | login | search
    | modal | popup | pop-up | overlay | lightbox | toast
    | references | reflist | citations | bibliography | works-cited | navbox | metadata | hatnote | catlinks
    | mw-jump-link | printfooter | siteSub
    )(?:-(?:bar|banner|notice|popup|message|modal|box|wrapper|wrap|container|lists?|links?|widgets?|blocks?|areas?|inner
      |outer|units?|slots?|labels?|buttons?|icons?|menu|posts?|articles?|stories|items?|form|consent|policy|law
      |overlay|panel|sdk|root|host|dialog|window|manager|cs|cm|signup|top|bottom|left|right|main|primary|secondary|mobile|desktop|footer|header|[0-9]+))*""",
    re.VERBOSE,
)
_INLINE_NAME = re.compile(
    r"sr-only|screen-reader-text|visually-hidden|headerlink|noprint|mw-editsection|skip-link"
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|_+|-{2,}")
_HIDDEN_STYLE = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)", re.IGNORECASE
)
_INLINE = frozenset(("span", "a", "i", "em", "b", "strong", "small", "sup", "sub", "img"))
_BANNER = re.compile(r"\bcookies?\b", re.IGNORECASE)
_BANNER_WORDS = re.compile(
    r"\b(?:we|us(?:e|es|ing)|accept|reject|consent|agree|preferences|privacy|policy|settings"
    r"|akzeptieren|accepter|aceptar)\b",
    re.IGNORECASE,
)
_SPONSORED = re.compile(
    r"\s*(?:sponsored(?: content| post| by\b.*)?|advertisement|advertorial|anzeige|publicité"
    r"|publicidad|paid (?:content|post)|promoted)\b",
    re.IGNORECASE,
)
_REFERENCES = re.compile(
    r"\s*(?:\d+\.?\s*)?(?:references|bibliography|works cited|literature cited|notes and references"
    r"|literatur(?:verzeichnis)?|einzelnachweise|références|referencias"
    r"|bibliografía)\s*:?(?:\s*\[\s*edit\s*\])?\s*\Z",
    re.IGNORECASE,
)
_MAX_BANNER = 600  # letters
_MAX_SPONSORED = 1500
_MAX_NODES = 100
_MIN_LINKS = 3  # of a menu
_MENU_SHARE = 0.8  # of its letters are links


@dataclass(slots=True)
class Weights:
    """Letters that an element shows, those of them in links, and its links."""

    letters: int = 0
    linked: int = 0
    links: int = 0
    is_main: bool = False


def weigh(root: Element) -> dict[int, Weights]:
    """Return the weights of every element by its id, in linear time and without recursion."""
    found: dict[int, Weights] = {}
    stack: list[tuple[Element, bool, bool]] = [(root, False, False)]
    while stack:
        element, in_link, left = stack.pop()
        if not left:
            weights = found[id(element)] = Weights()
            if is_never_shown(element):
                continue
            in_link = in_link or element.tag == "a"
            weights.links = int(element.tag == "a")
            weights.is_main = (
                element.tag in ("main", "h1", "body") or element.attributes.get("role") == "main"
            )
            stack.append((element, in_link, True))
            for child in element.children:
                if isinstance(child, str):
                    count = len("".join(child.split()))
                    weights.letters += count
                    weights.linked += count if in_link else 0
                else:
                    stack.append((child, in_link, False))
        else:
            weights = found[id(element)]
            for child in element.children:
                if not isinstance(child, str):
                    of_child = found[id(child)]
                    weights.letters += of_child.letters
                    weights.linked += of_child.linked
                    weights.links += of_child.links
                    weights.is_main = weights.is_main or of_child.is_main
    return found


def is_never_shown(element: Element) -> bool:
    """Return whether a browser shows nothing of an element: scripts, forms' parts, what is hidden."""
    attributes = element.attributes
    if element.tag == "math" or (element.tag == "script" and "math/tex" in attributes.get("type", "")):
        return False
    if element.tag in NEVER_SHOWN:
        return not (element.tag == "dialog" and "open" in attributes)
    if "hidden" in attributes and attributes["hidden"].lower() != "until-found":
        return True
    if attributes.get("aria-hidden", "").lower() == "true" and element.tag in _INLINE:
        return True
    return "style" in attributes and _HIDDEN_STYLE.search(attributes["style"]) is not None


def is_boilerplate(element: Element, weights: Weights, page: Weights) -> bool:
    """Return whether an element only leads elsewhere or asks for something."""
    tag, attributes = element.tag, element.attributes
    if tag in ("html", "body", "") or weights.is_main or 2 * weights.letters > page.letters:
        return False
    if tag in _NAVIGATION or attributes.get("role", "").lower() in _ROLES:
        return True
    if _is_named(element):
        return True
    if tag in ("div", "section", "p", "ul", "ol", "table", "form", "td", "li", "figure"):
        if weights.links >= _MIN_LINKS and weights.linked >= _MENU_SHARE * weights.letters:
            return True
        if weights.letters <= _MAX_SPONSORED:
            shown = text_inside(element, 2 * _MAX_SPONSORED)
            if _SPONSORED.match(shown) and len(shown.split(None, 4)) > 1:
                return True
            if (
                weights.letters <= _MAX_BANNER
                and _BANNER.search(shown)
                and len(set(_BANNER_WORDS.findall(shown))) >= 2
            ):
                return True
    return False


def _is_named(element: Element) -> bool:
    """Return whether the author calls an element a menu, a banner or the like."""
    classes = element.attributes.get("class", "")[:300].split()
    if element.tag in _INLINE:
        return any(_INLINE_NAME.fullmatch(name) for name in classes)
    if element.tag in ("h1", "h2", "h3", "h4", "h5", "h6", "pre", "code"):
        return False
    name = element.attributes.get("id", "")[:100]
    if name and element.tag != "section" and "section" not in classes:  # else it is a heading's
        classes.append(name)
    return any(_NAME.fullmatch(_HUMP.sub("-", name).lower().strip("-")) for name in classes)


def is_reference_heading(element: Element) -> bool:
    """Return whether a heading stands above a list of references."""
    return (
        element.tag in ("h1", "h2", "h3", "h4", "h5", "h6")
        and _REFERENCES.match(text_inside(element, 100)) is not None
    )


def text_inside(element: Element, longest: int) -> str:
    """Return the beginning of the text in an element, at most about so many characters."""
    parts: list[str] = []
    length = 0
    seen = 0  # nodes: an element may hold thousands that show nothing
    stack: list[Element | str] = [element]
    while stack and length < longest and seen < _MAX_NODES:
        node = stack.pop()
        seen += 1
        if isinstance(node, str):
            parts.append(node)
            length += len(node)
        elif not is_never_shown(node):
            stack += reversed(node.children)
            parts.append(" ")
    return "".join(parts)
