"""Local processes under a supervisor."""
