"""Rules for images and the registries that hold them."""
