"""PDF to text, with its pages and where its words stand on them."""
