"""Read a template: its functions, and its mappings as Lambda would create them."""

from lambda_esm.template.document import load_template

__all__ = ["load_template"]
