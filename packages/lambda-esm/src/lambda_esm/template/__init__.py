"""Read a template: its functions, and its mappings as Lambda would create them."""
