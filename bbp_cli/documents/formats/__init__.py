"""Every format but PDF, each a module with `is_…` and `text_of_…`; `convert` recognises them."""
