"""Images of the services: built, resolved to one digest per architecture, and proven to be what they say."""
