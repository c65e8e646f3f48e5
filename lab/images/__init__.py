"""Images of the services: built, resolved to one digest per architecture, and checked byte by byte."""
