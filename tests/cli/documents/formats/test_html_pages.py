"""Pages of the kinds that people save: what a reader of the page sees is read, and nothing else."""

import pytest

from bbp_cli.documents.document import parse

CLOSED = "The harbour was closed for a year while the quay was rebuilt by a firm from the north."
BOATS = "Boats had to use the mouth of the river, which is narrow and hard to enter."
COUNCIL = "The council paid half of the costs and the owners of the boats paid the rest of them."

PAGES = {  # the page, what its text holds, what it does not hold
    "cookie-class": (
        (
            '<!doctype html><html><body><div class="cookie-banner"><p>We use cookies to give you the'
            + " best experience on our site. By continuing you agree to our use of"
            + " them.</p><button>Accept all</button></div><article><h1>Harbour</h1><p>"
            + CLOSED
            + "</p><p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + "</p></article></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["cookies"],
    ),
    "cookie-plain": (
        (
            "<html><body><div><div>We use cookies and similar tools to show you adverts. You may"
            + " accept or reject them in the settings at any time.</div></div><div><p>"
            + CLOSED
            + "</p><p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + "</p></div></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["cookies"],
    ),
    "menu-div": (
        (
            '<html><body><div class="top"><a href="/">Home</a> <a href="/a">About the harbour</a> <a'
            + ' href="/b">Our boats</a> <a href="/c">Contact us today.</a></div><h1>Harbour</h1><p>'
            + CLOSED
            + "</p><p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + "</p></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["Contact us"],
    ),
    "sponsored": (
        (
            "<html><body><h1>Harbour</h1><p>"
            + CLOSED
            + "</p><div><span>Sponsored</span><p>Buy the best boat paint of the world at half the price"
            + " this week only.</p></div><p>"
            + BOATS
            + '</p><aside class="promo"><p>Our new book about boats is out now in every'
            + " shop.</p></aside><p>"
            + COUNCIL
            + "</p></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["paint", "book about boats"],
    ),
    "footnotes": (
        (
            "<html><body><p>The harbour was closed for a year while the quay was rebuilt by a firm"
            + ' from the north<sup id="r1"><a href="#n1">[1]</a></sup>.<sup>2</sup></p><p>'
            + BOATS
            + '<a class="footnote-ref" href="#fn3" role="doc-noteref"><sup>3</sup></a></p><p>'
            + COUNCIL
            + '</p><h2>References</h2><ol class="references"><li id="n1"><a href="#r1">^</a> Smith, J.'
            + " (1990). The old quays of the north are all made of oak. Journal of"
            + " Quays.</li></ol></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["[1]", "Smith", ".2", "3"],
    ),
    "references-plain": (
        (
            "<html><body><p>"
            + CLOSED
            + " [1]</p><p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + "</p><h2>References</h2><ol><li>Smith, J. (1990). The old quays of the north are all made"
            + " of oak. Journal of Quays.</li></ol><h2>After</h2><p>It can carry forty cars"
            + " now.</p></body></html>"
        ),
        [BOATS, COUNCIL, "forty cars"],
        ["Smith"],
    ),
    "omitted-tags": (
        (
            "<!doctype html><meta charset=utf-8><title>H</title><h1>Harbour</h1><p>"
            + CLOSED
            + "<p>"
            + BOATS
            + "<ul><li>One cat sat here.<li>Two dogs ran"
            + " off.</ul><table><tr><td>port<td>ships<tr><td>Holm<td>402</table><p>"
            + COUNCIL
        ),
        [CLOSED, BOATS, COUNCIL, "One cat sat here.\n", "Holm\t402"],
        ["H\n\nHarbour"],
    ),
    "hidden-css": (
        (
            '<html><body><p style="display: none">'
            + CLOSED
            + "</p><p>"
            + BOATS
            + '</p><span style="visibility:hidden">Secret words of the page.</span><p>'
            + COUNCIL
            + "</p><template><p>Template words here.</p></template><noscript>Please enable JavaScript to"
            + " read.</noscript></body></html>"
        ),
        [BOATS, COUNCIL],
        [CLOSED, "Secret", "Template", "JavaScript"],
    ),
    "hidden-nested": (
        (
            "<html><body><div hidden><div><p>Inner hidden words.</p></div></div><p>"
            + CLOSED
            + "</p><p hidden>Never closed hidden words.<p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + "</p></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["Inner", "Never closed"],
    ),
    "supsub": (
        (
            "<html><body><p>Light travels 3 x 10<sup>8</sup> m/s and CO<sub>2</sub> weighs 44 g. The"
            + " area is 25 km<sup>2</sup>, x<sup>n</sup> and (a+b)<sup>2</sup> grow, the 1<sup>st</sup>"
            + " of May and 10<sup>-9</sup> is small.</p><p>"
            + CLOSED
            + "</p></body></html>"
        ),
        ["10^8", "CO2", "km^2", "x^n", "(a+b)^2", "1st", "-9"],
        ["108", "km2", "10-9", "xn"],
    ),
    "mathml-frac": (
        (
            "<html><body><p>The ratio is <math><mfrac><mi>a</mi><mi>b</mi></mfrac></math> and the"
            + " energy is <math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></math>"
            + " here.</p><p>"
            + CLOSED
            + "</p></body></html>"
        ),
        ["a/b", "E=mc^2"],
        ["ab ", "mc2"],
    ),
    "wikipedia-math": (
        (
            '<html><body><p>The depth is <span class="mwe-math-element"><span'
            + ' class="mwe-math-mathml-inline" style="display:'
            + ' none;"><math><semantics><mrow><mi>d</mi><mo>=</mo><mn>3</mn></mrow><annotation'
            + ' encoding="application/x-tex">{\\displaystyle'
            + ' d=3}</annotation></semantics></math></span><img src="x.svg"'
            + ' class="mwe-math-fallback-image-inline" alt="{\\displaystyle d=3}"></span> metres.</p><p>'
            + CLOSED
            + "</p></body></html>"
        ),
        ["The depth is d=3 metres."],
        ["displaystyle"],
    ),
    "katex": (
        (
            '<html><body><p>The depth is <span class="katex"><span'
            + ' class="katex-mathml"><math><semantics><mrow><mi>d</mi><mo>=</mo><mn>3</mn></mrow><annotat'
            + 'ion>d=3</annotation></semantics></math></span><span class="katex-html"'
            + ' aria-hidden="true">d=3</span></span> metres.</p><p>'
            + CLOSED
            + "</p></body></html>"
        ),
        ["The depth is d=3 metres."],
        ["d=3d=3"],
    ),
    "marked-section": (
        (
            "<html><body><!--[if gte mso 9]><p>Only for Word.</p><![endif]--><![if !supportLists]><p>"
            + CLOSED
            + "</p><![endif]><p>"
            + BOATS
            + "</p><![endif--><p>"
            + COUNCIL
            + "</p></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["Only for Word"],
    ),
    "cdata": (
        (
            '<?xml version="1.0" encoding="utf-8"?><?xml-stylesheet type="text/xsl"'
            + ' href="a.xsl"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html'
            + ' xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title><script'
            + ' src="a.js"/></head><body><p>'
            + CLOSED
            + "</p><p>"
            + BOATS
            + "</p></body></html>"
        ),
        [CLOSED, BOATS],
        [],
    ),
    "title-is-body-class": (
        (
            '<html><body class="has-sidebar cookie-consent menu-open"><div class="wrapper'
            + ' sidebar-left"><div id="main"><p>'
            + CLOSED
            + "</p><p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + "</p></div></div></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        [],
    ),
    "related-work-section": (
        (
            '<html><body><section id="related-work"><h2>Related work</h2><p>'
            + CLOSED
            + '</p></section><div class="section" id="menu-design"><h2>Menu design</h2><p>'
            + BOATS
            + '</p></div><section id="share-prices"><p>'
            + COUNCIL
            + "</p></section></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        [],
    ),
    "newsletter-footer": (
        (
            "<html><body><p>"
            + CLOSED
            + "</p><p>"
            + BOATS
            + "</p><p>"
            + COUNCIL
            + '</p><div class="newsletter-signup"><p>Get our best stories in your mail every week for'
            + " free.</p></div><footer><p>All pages are the work of the harbour press.</p></footer><div"
            + ' class="comments"><p>I think the quay is ugly and should be torn down'
            + " again.</p></div></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["best stories", "harbour press", "ugly"],
    ),
    "center-old": (
        (
            "<center><font size=5>Harbour</font></center><hr><p>"
            + CLOSED
            + "<p>"
            + BOATS
            + "<br><br>"
            + COUNCIL
        ),
        [CLOSED, BOATS, COUNCIL],
        ["font"],
    ),
    "layout-table": (
        (
            "<html><body><table width=600><tr><td><a href=a>Home</a><br><a href=b>Boats</a><br><a"
            + " href=c>Fish</a></td><td><p>"
            + CLOSED
            + "</p><p>"
            + BOATS
            + " "
            + COUNCIL
            + "</p></td></tr></table></body></html>"
        ),
        [CLOSED, BOATS, COUNCIL],
        ["Fish"],
    ),
    "entities-pre": (
        (
            "<html><body><p>"
            + CLOSED
            + " It cost &pound;5 &amp; more &#8212; caf&eacute;.</p><pre>one\n  two</pre><p>"
            + BOATS
            + "</p></body></html>"
        ),
        ["£5 & more — café", "one\n  two"],
        ["&amp;"],
    ),
    "ruby": (
        (
            "<html><body><p><ruby>港<rp>(</rp><rt>みなと</rt><rp>)</rp></ruby>は一年間閉鎖され、その間に岸壁が再建されました。</p><"
            + "/body></html>"
        ),
        ["港は一年間"],
        ["みなと"],
    ),
    "tex-script": (
        (
            '<html><body><p>Let <script type="math/tex">\\frac{a}{b} \\leq 10^{3}</script> be the ratio'
            + " of depth.</p><p>"
            + CLOSED
            + "</p></body></html>"
        ),
        ["a/b ≤ 10^3"],
        ["frac"],
    ),
    "word-spans": (
        (
            '<html xmlns:o="urn:x"><body><p class=MsoNormal><span lang=EN-GB>The harbour was'
            + " clos</span><span>ed for a year while the quay was rebuilt by a firm from the"
            + " north.<o:p></o:p></span></p><p>"
            + BOATS
            + "</p></body></html>"
        ),
        [CLOSED, BOATS],
        [],
    ),
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_read_as_it_is_seen(kind: str) -> None:
    page, shown, hidden = PAGES[kind]
    document = parse(page.encode(), "-")
    assert document.source.media_type == "text/html"
    text = " ".join(document.text.split())
    assert [words for words in shown if words not in document.text and words not in text] == []
    assert [words for words in hidden if words in document.text or words in text] == []
