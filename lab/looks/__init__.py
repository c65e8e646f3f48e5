"""Looks at everything a stack on a cluster depends on, from where the lab is; changes nothing."""
